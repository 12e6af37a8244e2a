#!/usr/bin/env bash
# Measures the CPU backend in this process, without a server.
#   benchmarks/cpu/run.sh forward [MODEL_DIRECTORY [bfloat16|float16|float32 [THREADS]]]
#   benchmarks/cpu/run.sh products [JMH arguments, such as -p type=BF16]
# Build first: mvn -q -pl benchmarks/jmh -am package -DskipTests
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
cp=$root/benchmarks/jmh/target/classes:$root/cpu/target/classes:$root/engine/target/classes:$root/model/target/classes
deps=$root/benchmarks/jmh/target/classpath.txt
[ -e "$root/benchmarks/jmh/target/classes" ] || { echo "Build first: mvn -q -pl benchmarks/jmh -am package -DskipTests" >&2; exit 1; }
[ -e "$deps" ] || (cd "$root" && mvn -q -o -pl benchmarks/jmh -am compile dependency:build-classpath -Dmdep.outputFile=target/classpath.txt -Dquick)
flags=(--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Xmx2g)
case ${1:-} in
  forward) shift; exec "$java" "${flags[@]}" -cp "$cp:$(cat "$deps")" dev.baton.benchmarks.ForwardBenchmark "${@:-$root/models/llama-153m}" ;;
  products) shift; exec "$java" "${flags[@]}" -cp "$cp:$(cat "$deps")" org.openjdk.jmh.Main 'PrefillProduct|DecodeProduct' "$@" ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
