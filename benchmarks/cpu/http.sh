#!/usr/bin/env bash
# Measures a worker on the CPU over HTTP, with the load generator on the same machine: 128 tokens in, 32 out, end of sequence
# ignored, prefix caching off.
#   benchmarks/cpu/http.sh MODEL_DIRECTORY [FLAGS OF serve]
# Prints how long /health took and the most memory the worker held, then TTFT, TPOT and requests per second with 1 in flight,
# 8 in flight and 100 at once, each load twice.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
model=$1
shift
port=${BATON_HTTP_PORT:-8139}
log=$(mktemp)
begin=$(date +%s%N)
"$root/baton" serve "$model" --port "$port" --no-enable-prefix-caching "$@" > "$log" 2>&1 &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -f "$log"' EXIT
until curl -fs -o /dev/null "http://127.0.0.1:$port/health"; do
  kill -0 $server 2> /dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.02
done
echo "/health answered after $((($(date +%s%N) - begin) / 1000000)) ms"
seed=1
load() { # NAME REQUESTS CONCURRENCY
  seed=$((seed + 1))
  echo "$1: $("$root/baton" bench serve --port "$port" --dataset-name random --random-input-len 128 --random-output-len 32 \
    --ignore-eos --num-prompts "$2" --max-concurrency "$3" --seed $seed --percentile-metrics ttft,tpot 2>&1 |
    awk -F: '/Request throughput/ { r = $2 } /Median TTFT/ { t = $2 } /Median TPOT/ { p = $2 } /Failed requests/ { f = $2 }
      END { printf "%.2f requests/s, TTFT p50 %.1f ms, TPOT p50 %.2f ms, failed %d", r, t, p, f }')"
}
for _ in 1 2; do
  load "1 in flight" 20 1
  load "8 in flight" 40 8
  load "100 at once" 100 100
done
echo "memory at most: $(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$server/status") MiB"
