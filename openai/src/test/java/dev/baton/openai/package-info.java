@NullMarked
package dev.baton.openai;

import org.jspecify.annotations.NullMarked;
