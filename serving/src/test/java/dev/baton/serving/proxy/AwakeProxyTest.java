package dev.baton.serving.proxy;

import java.time.Duration;

/** All the same of a proxy whose threads wait awake. */
class AwakeProxyTest extends ProxyTest {
  @Override
  Duration awake() {
    return Duration.ofMillis(50);
  }
}
