@NullMarked
package dev.baton.serving.proxy;

import org.jspecify.annotations.NullMarked;
