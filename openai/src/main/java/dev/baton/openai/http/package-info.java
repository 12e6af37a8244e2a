/**
 * A small blocking HTTP/1.1 client, made for exact timing: it runs on virtual threads, keeps
 * connections alive per origin and says when the last bytes came off the socket.
 */
@NullMarked
package dev.baton.openai.http;

import org.jspecify.annotations.NullMarked;
