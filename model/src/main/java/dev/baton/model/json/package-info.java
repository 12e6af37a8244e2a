/** Reads the JSON files of a model directory with bounds and with messages for users. */
@NullMarked
package dev.baton.model.json;

import org.jspecify.annotations.NullMarked;
