package dev.baton.model.template;

/** Which of the special variables the body of a macro uses, and so takes as arguments. */
record RoutineTraits(boolean usesCaller, boolean usesKwargs, boolean usesVarargs) {}
