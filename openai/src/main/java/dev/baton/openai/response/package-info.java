/** Answers of the OpenAI API: whole documents, and the chunks of a stream. */
@NullMarked
package dev.baton.openai.response;

import org.jspecify.annotations.NullMarked;
