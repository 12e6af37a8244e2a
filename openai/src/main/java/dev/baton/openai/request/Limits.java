package dev.baton.openai.request;

/**
 * What the model behind the API allows.
 *
 * @param vocabSize token ids are in [0, vocabSize)
 * @param maxChoices most answers of one request: prompts × n
 * @param defaults sampling parameters of requests that give none
 */
public record Limits(int vocabSize, int maxChoices, SamplingDefaults defaults) {}
