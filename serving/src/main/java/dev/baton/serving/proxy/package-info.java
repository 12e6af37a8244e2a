/** The front door of a disaggregated deployment: sends both legs of a request to its workers. */
@NullMarked
package dev.baton.serving.proxy;

import org.jspecify.annotations.NullMarked;
