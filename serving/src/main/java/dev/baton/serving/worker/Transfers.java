package dev.baton.serving.worker;

import dev.baton.openai.OpenAiException;
import dev.baton.openai.request.GenerationParams;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.handoff.TransferParams;
import java.util.Optional;

/** Reads what a request says about its hand-off. */
final class Transfers {
  private Transfers() {}

  /**
   * The request's hand-off.
   *
   * @return empty for an ordinary request
   * @throws OpenAiException 400 if it is malformed, or if this worker has no role
   */
  static Optional<TransferParams> read(GenerationParams params, LoadedModel model) {
    Optional<TransferParams> transfer;
    try {
      transfer = TransferParams.parse(params.kvTransferParams());
    } catch (IllegalArgumentException e) {
      throw OpenAiException.badRequest(String.valueOf(e.getMessage()), "kv_transfer_params");
    }
    if (transfer.isPresent()) {
      connector(model);
    }
    return transfer;
  }

  /** The worker's connector, for a request that needs one. */
  static KvConnector connector(LoadedModel model) {
    return model
        .connector()
        .orElseThrow(
            () ->
                OpenAiException.badRequest(
                    "\"kv_transfer_params\": this worker takes no part in hand-offs; start it with"
                        + " --kv-transfer-config, or leave the field out.",
                    "kv_transfer_params",
                    "no_kv_connector"));
  }

  /** Each of several answers is a hand-off of its own; both workers derive the same names. */
  static TransferParams forAnswer(TransferParams transfer, int index, int answers) {
    if (answers == 1) {
      return transfer;
    }
    return new TransferParams(
        transfer.transferId() + "#" + index,
        transfer.doRemotePrefill(),
        transfer.doRemoteDecode(),
        transfer.peer(),
        transfer.prefillWorker(),
        transfer.decodeWorker(),
        transfer.resumeTokens());
  }
}
