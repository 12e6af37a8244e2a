/**
 * The public API's JSON: errors, requests, responses, timelines. Knows neither engines nor load.
 */
@NullMarked
package dev.baton.openai;

import org.jspecify.annotations.NullMarked;
