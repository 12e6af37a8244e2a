/**
 * The report: result files in, tables, plots and a conclusion out, in English and Chinese, as
 * Markdown and as one HTML file.
 */
@NullMarked
package dev.baton.bench.report;

import org.jspecify.annotations.NullMarked;
