package dev.baton.model.template;

import dev.baton.model.template.Node.Body;
import dev.baton.model.template.Node.Target;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What Jinja decides about variables before it renders. A variable that a scope sets for certain,
 * and that neither it has read before nor a scope around it knows, begins there as undefined, even
 * if the context has one of that name; and a macro takes {@code caller}, {@code kwargs} and {@code
 * varargs} only if its body uses them.
 */
final class ScopeAnalysis {
  private static final Set<String> SPECIAL = Set.of("caller", "kwargs", "varargs");

  private final Map<Body, List<String>> startsUndefined = new HashMap<>();
  private final Map<Body, RoutineTraits> traits = new HashMap<>();

  /** The names of one scope. */
  private static final class Frame {
    final @Nullable Frame outer;
    final Set<String> known;
    final Set<String> stored;
    final Set<String> undefined;

    private Frame(
        @Nullable Frame outer, Set<String> known, Set<String> stored, Set<String> undefined) {
      this.outer = outer;
      this.known = known;
      this.stored = stored;
      this.undefined = undefined;
    }

    static Frame inside(@Nullable Frame outer) {
      return new Frame(outer, new HashSet<>(), new HashSet<>(), new LinkedHashSet<>());
    }

    Frame copy() {
      return new Frame(
          outer, new HashSet<>(known), new HashSet<>(stored), new LinkedHashSet<>(undefined));
    }

    boolean knows(String name) {
      return known.contains(name) || (outer != null && outer.knows(name));
    }

    void load(String name) {
      if (!knows(name)) {
        known.add(name);
      }
    }

    void store(String name) {
      stored.add(name);
      if (known.add(name) && (outer == null || !outer.knows(name))) {
        undefined.add(name);
      }
    }

    void parameter(String name) {
      stored.add(name);
      known.add(name);
    }

    /** Takes over what branches did, of which at most one runs: what they set is not certain. */
    void merge(List<Frame> branches) {
      Set<String> uncertain = new HashSet<>();
      for (Frame branch : branches) {
        uncertain.addAll(branch.stored);
      }
      uncertain.removeAll(stored);
      for (Frame branch : branches) {
        known.addAll(branch.known);
        stored.addAll(branch.stored);
        undefined.addAll(branch.undefined);
      }
      undefined.removeAll(uncertain);
    }
  }

  static ScopeAnalysis of(Body template) {
    ScopeAnalysis analysis = new ScopeAnalysis();
    analysis.body(template, Frame.inside(null));
    return analysis;
  }

  List<String> startsUndefined(Body body) {
    return startsUndefined.getOrDefault(body, List.of());
  }

  RoutineTraits traits(Node.Routine routine) {
    RoutineTraits found = traits.get(routine.body());
    return found != null ? found : new RoutineTraits(false, false, false);
  }

  private void body(Body body, Frame frame) {
    symbols(body.statements(), frame);
    if (!frame.undefined.isEmpty()) {
      startsUndefined.put(body, List.copyOf(frame.undefined));
    }
    inner(body.statements(), frame);
  }

  /** What the statements read and set in their own scope. */
  private void symbols(List<Node> statements, Frame frame) {
    NameWalk reads = new NameWalk((name, set) -> frame.load(name));
    for (Node node : statements) {
      switch (node) {
        case Node.Print print -> reads.expr(print.value());
        case Node.If choice -> choose(choice.branches(), choice.otherwise(), frame);
        case Node.For loop -> reads.expr(loop.iterable());
        case Node.Assign assign -> {
          reads.expr(assign.value());
          target(assign.target(), frame);
        }
        case Node.AssignBlock block -> target(block.target(), frame);
        case Node.With with -> with.values().forEach(reads::expr);
        case Node.Macro macro -> frame.store(macro.name());
        case Node.CallBlock call -> reads.expr(call.call());
        case Node.FilterBlock block -> block.filters().forEach(f -> reads.arguments(f.arguments()));
        case Node.Data data -> {}
        case Node.Scoped scoped -> {}
        case Node.Generation generation -> {}
        case Node.Break end -> {}
        case Node.Continue next -> {}
        case Node.NeedsLoader needs -> {}
      }
    }
  }

  private void choose(List<Node.Branch> branches, List<Node> otherwise, Frame frame) {
    Node.Branch first = branches.getFirst();
    new NameWalk((name, set) -> frame.load(name)).expr(first.test());
    Frame then = frame.copy();
    symbols(first.body(), then);
    Frame elseIf = frame.copy();
    for (Node.Branch branch : branches.subList(1, branches.size())) {
      choose(List.of(branch), List.of(), elseIf);
    }
    Frame last = frame.copy();
    symbols(otherwise, last);
    frame.merge(List.of(then, elseIf, last));
  }

  private static void target(Target target, Frame frame) {
    new NameWalk(
            (name, set) -> {
              if (set) {
                frame.store(name);
              } else {
                frame.load(name);
              }
            })
        .target(target);
  }

  private static void parameters(Target target, Frame frame) {
    new NameWalk((name, set) -> frame.parameter(name)).target(target);
  }

  /** The scopes inside. */
  private void inner(List<Node> statements, Frame frame) {
    for (Node node : statements) {
      switch (node) {
        case Node.If choice -> {
          choice.branches().forEach(branch -> inner(branch.body(), frame));
          inner(choice.otherwise(), frame);
        }
        case Node.For loop -> {
          Frame turn = Frame.inside(frame);
          turn.parameter("loop");
          parameters(loop.target(), turn);
          body(loop.body(), turn);
          body(loop.otherwise(), Frame.inside(frame));
        }
        case Node.With with -> {
          Frame scope = Frame.inside(frame);
          with.targets().forEach(t -> parameters(t, scope));
          body(with.body(), scope);
        }
        case Node.Macro macro -> routine(macro.routine(), frame);
        case Node.CallBlock call -> routine(call.caller(), frame);
        case Node.AssignBlock block -> body(block.body(), Frame.inside(frame));
        case Node.FilterBlock block -> body(block.body(), Frame.inside(frame));
        case Node.Scoped scoped -> body(scoped.body(), Frame.inside(frame));
        case Node.Generation generation -> routine(generation.routine(), frame);
        case Node.Data data -> {}
        case Node.Print print -> {}
        case Node.Assign assign -> {}
        case Node.Break end -> {}
        case Node.Continue next -> {}
        case Node.NeedsLoader needs -> {}
      }
    }
  }

  private void routine(Node.Routine routine, Frame outer) {
    Frame frame = Frame.inside(outer);
    NameWalk reads = new NameWalk((name, set) -> frame.load(name));
    routine.parameters().forEach(p -> frame.parameter(p.name()));
    routine.parameters().forEach(p -> reads.expr(p.defaultValue()));
    Set<String> used = new HashSet<>();
    Set<String> open = new HashSet<>(SPECIAL);
    new NameWalk(
            (name, set) -> {
              if (set) {
                open.remove(name);
              } else if (open.contains(name)) {
                used.add(name);
              }
            })
        .statements(routine.body().statements());
    used.forEach(frame::parameter);
    traits.put(
        routine.body(),
        new RoutineTraits(
            used.contains("caller"),
            used.contains("kwargs") && unnamed(routine, "kwargs"),
            used.contains("varargs") && unnamed(routine, "varargs")));
    body(routine.body(), frame);
  }

  private static boolean unnamed(Node.Routine routine, String name) {
    return routine.parameters().stream().noneMatch(p -> p.name().equals(name));
  }
}
