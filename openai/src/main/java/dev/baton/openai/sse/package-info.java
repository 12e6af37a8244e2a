/** Reading server-sent events as they arrive. */
@NullMarked
package dev.baton.openai.sse;

import org.jspecify.annotations.NullMarked;
