package dev.baton.bench.results;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What was run, before anything was measured; the components are those of {@link BenchResult}.
 *
 * @param date {@code YYYYMMDD-HHMMSS}
 * @param backend as given to {@code --backend}
 * @param label file-name prefix, if one was given
 * @param modelId model name
 * @param tokenizerId tokenizer name, if one was used
 * @param numPrompts requests asked for
 * @param metadata further top-level keys of the user's
 * @param requestRate requests/s; infinite = all at once
 * @param burstiness shape of the gaps' distribution
 * @param maxConcurrency limit on requests in flight
 * @param rampUp if the rate changed over the run
 */
public record RunInfo(
    String date,
    String backend,
    Optional<String> label,
    String modelId,
    Optional<String> tokenizerId,
    int numPrompts,
    Map<String, String> metadata,
    double requestRate,
    double burstiness,
    OptionalInt maxConcurrency,
    Optional<RampUp> rampUp) {}
