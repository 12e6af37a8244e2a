/** Requests of the OpenAI API, read strictly from JSON trees. */
@NullMarked
package dev.baton.openai.request;

import org.jspecify.annotations.NullMarked;
