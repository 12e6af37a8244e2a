/**
 * Charts without a display, a font service or an installed font: a {@link
 * dev.baton.bench.report.chart.Scene} is a list of plain shapes and labels, drawn alike to SVG and
 * to PNG.
 */
@NullMarked
package dev.baton.bench.report.chart;

import org.jspecify.annotations.NullMarked;
