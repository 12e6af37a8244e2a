package dev.baton.serving.worker;

import dev.baton.openai.OpenAiException;
import dev.baton.openai.Timings;
import dev.baton.openai.response.Usage;
import dev.baton.serving.http.ClientGoneException;
import java.util.Optional;

/** Takes a request's answers as they grow and brings them to the client. For one thread. */
interface AnswerSink {

  /** The answer has something pending; the sink takes it over. */
  void progress(Answer answer);

  /** Sends what has been taken over, where that is done piece by piece. */
  void flush() throws ClientGoneException;

  /** All answers have ended. */
  void complete(Optional<Usage> usage, Optional<Timings> timings) throws ClientGoneException;

  /** The request has failed; says so as far as that is still possible. */
  void fail(OpenAiException failure) throws ClientGoneException;
}
