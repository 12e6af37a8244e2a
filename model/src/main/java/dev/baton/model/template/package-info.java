/**
 * Chat templates: an interpreter of the Jinja that Hugging Face chat templates are written in.
 * {@link dev.baton.model.template.ChatTemplate} is the way in; templates and their input can
 * neither hang nor kill the process.
 */
@NullMarked
package dev.baton.model.template;

import org.jspecify.annotations.NullMarked;
