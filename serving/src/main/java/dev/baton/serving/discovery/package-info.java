/** Workers announce themselves to proxies: the wire of vLLM's P2P NCCL service discovery. */
@NullMarked
package dev.baton.serving.discovery;

import org.jspecify.annotations.NullMarked;
