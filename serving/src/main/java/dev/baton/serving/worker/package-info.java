/**
 * A worker: one engine behind the OpenAI API. Request bodies come in on virtual threads, are turned
 * into token ids and given to the engine; its tokens go back as text.
 */
@NullMarked
package dev.baton.serving.worker;

import org.jspecify.annotations.NullMarked;
