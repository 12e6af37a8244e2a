@NullMarked
package dev.baton.openai.request;

import org.jspecify.annotations.NullMarked;
