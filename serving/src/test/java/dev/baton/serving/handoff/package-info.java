@NullMarked
package dev.baton.serving.handoff;

import org.jspecify.annotations.NullMarked;
