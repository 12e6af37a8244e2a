@NullMarked
package dev.baton.serving.worker;

import org.jspecify.annotations.NullMarked;
