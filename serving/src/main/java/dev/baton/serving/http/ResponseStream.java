package dev.baton.serving.http;

/** Body of a response that is written in pieces. Used by one thread at a time. */
public interface ResponseStream extends AutoCloseable {

  /**
   * Sends a piece at once. Blocks while the client reads more slowly than this writes.
   *
   * @param bytes not to be changed afterwards
   * @throws ClientGoneException if the client has closed the connection or has read nothing for the
   *     server's stall time-out
   */
  void write(byte[] bytes) throws ClientGoneException;

  /** Ends the body; the connection is kept for the next request. Does nothing the second time. */
  @Override
  void close();

  /** Cuts the connection without ending the body, so that the client sees a failure. */
  void abort();
}
