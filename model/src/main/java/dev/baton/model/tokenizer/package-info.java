/** Text to token ids and back, and text from a stream of ids. */
@NullMarked
package dev.baton.model.tokenizer;

import org.jspecify.annotations.NullMarked;
