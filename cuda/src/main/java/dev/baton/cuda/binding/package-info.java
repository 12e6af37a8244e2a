/**
 * The functions of NVIDIA's libraries that Baton uses, called through the Foreign Function and
 * Memory API: driver, runtime compiler, cuBLASLt. Every return code is checked.
 */
@NullMarked
package dev.baton.cuda.binding;

import org.jspecify.annotations.NullMarked;
