@NullMarked
package dev.baton.serving.http;

import org.jspecify.annotations.NullMarked;
