package dev.baton.serving.worker;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.RequestRejectedException;
import dev.baton.openai.ErrorBody;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.response.ResponseHead;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.handoff.PrefillCall;
import dev.baton.serving.handoff.PrefillOutcome;
import dev.baton.serving.handoff.TimedEvent;
import dev.baton.serving.handoff.TransferParams;
import dev.baton.serving.http.HttpExchange;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The prefill worker's answer to a proxy: runs the prompts, hands them over, and says how that
 * went. The text goes to the client through the decode worker.
 */
final class PrefillLeg {
  private PrefillLeg() {}

  static void run(
      LoadedModel model,
      Metrics metrics,
      HttpExchange exchange,
      ResponseHead head,
      TransferParams transfer,
      List<EngineRequest> requests)
      throws InterruptedException {
    KvConnector connector = Transfers.connector(model);
    List<PrefillCall> calls = new ArrayList<>(requests.size());
    try {
      for (int i = 0; i < requests.size(); i++) {
        EngineRequest request = requests.get(i);
        calls.add(
            connector.prefill(
                Transfers.forAnswer(transfer, i, requests.size()),
                request,
                exchange.receivedNanos()));
        metrics.accepted(request.promptTokens().length);
      }
    } catch (RequestRejectedException e) {
      calls.forEach(PrefillCall::cancel);
      throw Rejections.toOpenAi(e);
    } catch (IllegalArgumentException e) {
      calls.forEach(PrefillCall::cancel);
      throw OpenAiException.badRequest(String.valueOf(e.getMessage()), "kv_transfer_params");
    }
    exchange.onDisconnect(() -> calls.forEach(PrefillCall::cancel));
    List<PrefillOutcome> outcomes = new ArrayList<>(calls.size());
    for (PrefillCall call : calls) {
      PrefillOutcome outcome = call.await();
      metrics.prefillEnded(outcome);
      outcomes.add(outcome);
    }
    ObjectNode body = Json.object();
    body.put("id", head.id());
    body.put("object", "prefill");
    body.put("created", head.created());
    body.put("model", head.model());
    body.put("transfer_id", transfer.transferId());
    for (PrefillOutcome outcome : outcomes) {
      describe(outcome, body);
    }
    exchange.respond(200, "application/json", Json.bytes(body));
  }

  /** With several prompts, the last one that was handed over is the one described. */
  private static void describe(PrefillOutcome outcome, ObjectNode body) {
    switch (outcome) {
      case PrefillOutcome.HandedOver done -> {
        body.put("handed_over", true);
        body.put("prefill_queue_ms", done.durations().queue() / 1e6);
        body.put("prefill_execute_ms", done.durations().execute() / 1e6);
        body.put("kv_save_ms", done.durations().save() / 1e6);
        body.put("kv_bytes", done.bytes());
        body.put("cached_tokens", done.cachedTokens());
        ArrayNode timeline = body.putArray("timeline");
        for (TimedEvent event : done.events()) {
          ObjectNode entry = timeline.addObject();
          entry.put("event", event.event());
          entry.put("at_ms", event.atMs());
        }
      }
      case PrefillOutcome.NotNeeded(String reason) -> {
        if (!body.has("handed_over")) {
          body.put("handed_over", false);
          body.put("reason", reason);
          body.putArray("timeline");
        }
      }
      case PrefillOutcome.Failed(String message) ->
          throw new OpenAiException(
              502, new ErrorBody(message, ErrorBody.SERVER, null, "kv_transfer_failed"));
      case PrefillOutcome.Cancelled(String message) ->
          throw new OpenAiException(
              409, new ErrorBody(message, ErrorBody.SERVER, null, "kv_transfer_cancelled"));
    }
  }
}
