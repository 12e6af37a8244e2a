#!/usr/bin/env bash
# Checks and times the CUDA backend on a machine with a GPU, and prints one table.
#   benchmarks/gpu/run.sh [kernels] [sampling] [goldens] [times] [burst] [loops]      (default: all of them)
# kernels: every kernel against a float64 twin, on odd sizes, with poisoned outputs. sampling: the device's sampler
# against the reference. goldens: the whole forward pass. times: steps of Llama-3.1-8B's shape with dummy weights.
# burst: 10,000 mixed requests through the engine. loops: closed loops through the engine, 512 tokens in.
# Needs a built checkout (./verify, or mvn test-compile) or BATON_CLASSPATH with its classes, and Java 25 (JAVA_HOME).
set -euo pipefail
home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ -z "${BATON_CLASSPATH:-}" ]; then
  BATON_CLASSPATH=$home/cuda/target/test-classes
  for module in cuda engine model; do
    BATON_CLASSPATH+=:$home/$module/target/classes
  done
  while read -r jar; do
    BATON_CLASSPATH+=:$jar
  done < <(find "${MAVEN_REPOSITORY:-$HOME/.m2/repository}/tools/jackson" \
    "${MAVEN_REPOSITORY:-$HOME/.m2/repository}/com/fasterxml/jackson/core/jackson-annotations" -name '*.jar')
fi
[ $# -gt 0 ] || set -- kernels sampling goldens times burst loops
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
exec "$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" dev.baton.cuda.forward.GpuCheck "$home" "$@"
