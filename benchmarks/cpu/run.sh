#!/usr/bin/env bash
# Measures the CPU backend in this process, without a server.
#   benchmarks/cpu/run.sh forward [MODEL_DIRECTORY [bfloat16|float16|float32 [THREADS]]]
#   benchmarks/cpu/run.sh products [JMH arguments, such as -p type=BF16]
# Build first: mvn -q -pl benchmarks/jmh -am package -DskipTests
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
deps=$root/benchmarks/jmh/target/classpath.txt
[ -e "$deps" ] || { echo "Build first: mvn -q -pl benchmarks/jmh -am package -DskipTests" >&2; exit 1; }
cp=$root/benchmarks/jmh/target/classes:$(cat "$deps")
flags=(--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Xmx2g)
case ${1:-} in
  forward) shift; exec "$java" "${flags[@]}" -cp "$cp" dev.baton.benchmarks.ForwardBenchmark "${@:-$root/models/llama-153m}" ;;
  products) shift; exec "$java" "${flags[@]}" -cp "$cp" org.openjdk.jmh.Main 'PrefillProduct|DecodeProduct' "$@" ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
