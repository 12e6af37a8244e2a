/**
 * A small HTTP/1.1 server on Netty: requests are read whole under limits, each is handled by
 * blocking code on its own virtual thread, and the loss of a client is told at once.
 */
@NullMarked
package dev.baton.serving.http;

import org.jspecify.annotations.NullMarked;
