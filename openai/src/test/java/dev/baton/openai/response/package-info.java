@NullMarked
package dev.baton.openai.response;

import org.jspecify.annotations.NullMarked;
