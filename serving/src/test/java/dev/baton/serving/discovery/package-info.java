@NullMarked
package dev.baton.serving.discovery;

import org.jspecify.annotations.NullMarked;
