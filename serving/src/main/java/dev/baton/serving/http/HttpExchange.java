package dev.baton.serving.http;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One request and its response. Used by the thread that handles it, except {@link #onDisconnect},
 * which any thread may call.
 */
public interface HttpExchange {

  /** "GET", "POST", … as sent. */
  String method();

  /** Path as sent, without query, e.g. "/v1/models"; always begins with a slash. */
  String path();

  /** What follows the question mark, undecoded; empty if there is none. */
  String query();

  /** First value of a header; names are case-insensitive. */
  Optional<String> header(String name);

  /** All headers in the order they came. */
  List<Map.Entry<String, String>> headers();

  /** The whole body; empty if there is none. */
  byte[] body();

  /** Address of the peer, for logs: "127.0.0.1:50412". */
  String remoteAddress();

  /** {@link System#nanoTime} when the last byte of the request had been read. */
  long receivedNanos();

  /** Adds a header to the response; call it before responding. */
  void responseHeader(String name, String value);

  /**
   * Sends a whole response. Returns when it has been handed to the network, not when the client has
   * it.
   *
   * @throws IllegalStateException if this exchange was answered already
   */
  void respond(int status, String contentType, byte[] body);

  /**
   * Begins a response whose body follows in pieces (chunked coding). Status line and headers are
   * sent together with the first piece.
   *
   * @throws IllegalStateException if this exchange was answered already
   */
  ResponseStream startStream(int status, String contentType);

  /**
   * How long the handler may wait awake for something to answer with, before it parks, ns. Zero
   * where it should park at once, as on a virtual thread.
   */
  default long awakeNanos() {
    return 0;
  }

  /** Whether a response, or the head of a stream, has been sent. */
  boolean answered();

  /**
   * Runs {@code action} at once when the client closes its connection before the response is
   * complete, also while nothing is being written. Runs it on an I/O thread, so it must not block;
   * immediately on the calling thread if the client has gone already; never after the response is
   * complete. Several actions run in the order they were added.
   */
  void onDisconnect(Runnable action);
}
