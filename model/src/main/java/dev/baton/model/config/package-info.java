/** What a model directory's config.json says. */
@NullMarked
package dev.baton.model.config;

import org.jspecify.annotations.NullMarked;
