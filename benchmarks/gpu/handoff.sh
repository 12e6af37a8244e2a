#!/usr/bin/env bash
# Checks and times hand-offs between two worker processes on one GPU.
#   benchmarks/gpu/handoff.sh [answers] [kill] [times]      (default: all of them, after the copies themselves)
# First: copies and checksums against the CPU's, their cost beside a bare device copy, and what one GPU allows of NCCL.
# answers: 200 greedy answers over CUDA IPC, over TCP, and from the GPU to a CPU worker, against one worker's. kill: kill -9
# of either worker under load. times: Llama-3.1-8B's shape with dummy weights (two workers: 32 GB and their pools), what of a
# hand-off comes after the first token, and bandwidth (send_type GET, where nothing is hidden), beside a bare socket.
# Needs a built checkout (./verify, or mvn test-compile) and Java 25 (JAVA_HOME). Workers write to handoff-workers.log here.
set -euo pipefail
home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ -z "${BATON_CLASSPATH:-}" ]; then
  BATON_CLASSPATH=$home/app/target/test-classes:$home/cuda/target/test-classes
  for module in app serving openai cuda cpu engine model; do
    BATON_CLASSPATH+=:$home/$module/target/classes
  done
  while read -r jar; do
    BATON_CLASSPATH+=:$jar
  done < <(find "${MAVEN_REPOSITORY:-$HOME/.m2/repository}/tools/jackson" \
    "${MAVEN_REPOSITORY:-$HOME/.m2/repository}/com/fasterxml/jackson/core/jackson-annotations" -name '*.jar')
fi
[ $# -gt 0 ] || set -- answers kill times
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
"$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" dev.baton.cuda.handoff.KvCopyCheck
exec "$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" dev.baton.app.HandoffCheck \
  "$home/models/fable-5m" "$@"
