package dev.baton.serving.proxy;

import dev.baton.openai.http.HttpClientPool;

/**
 * What the proxy's requests share.
 *
 * @param options settings
 * @param upstreams workers
 * @param client for calls to them
 * @param counters what is counted
 */
record ProxyContext(
    ProxyOptions options, Upstreams upstreams, HttpClientPool client, ProxyCounters counters) {}
