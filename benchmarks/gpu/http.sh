#!/usr/bin/env bash
# What a GPU worker does behind its API: `baton serve` with Llama-3.1-8B's shape and dummy weights, and `baton bench serve` as
# its client in a process of its own on the same machine, streaming. Prints lines for run.sh, which calls it.
#   benchmarks/gpu/http.sh            everything, in under 6 minutes
#   benchmarks/gpu/http.sh PART...    some of: closed inf one long open burst; open:RATE is one rate of the open loop
# closed  32 and 128 in flight, 512/128  inf     1,000 requests 512/64 at once
# one     1 in flight, 512/128           long    8,000/16 one at a time (after those, when the worker's code is compiled)
# open    Poisson arrivals, 512/64, 30 s each at 2, 11, 25 and 45 requests/s
# burst   10,000 mixed requests at once (BurstCheck), and what is left of blocks and memory afterwards
# Prompts go as text and answers come as text, through a tokenizer of Llama-3.1's size that is made for the run (TokenizerMaker).
# Needs BATON_CLASSPATH as run.sh sets it. BATON_SERVE_FLAGS adds flags to the worker's. BATON_HTTP_WEIGHTS: dummy-uniform, the
# values of vLLM's dummy weights, since its figures stand beside (default); dummy, of the size that real models have, which draw
# more power. For a try without a GPU: BATON_HTTP_MODEL (default models/llama-3.1-8b), BATON_HTTP_DTYPE (float16), BATON_HTTP_SCALE
# (share of the requests and of the burst, 1).
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
home=$(cd "$here/../.." && pwd)
: "${BATON_CLASSPATH:?is not set: start this through benchmarks/gpu/run.sh http}"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
model=${BATON_HTTP_MODEL:-$home/models/llama-3.1-8b}
scale=${BATON_HTTP_SCALE:-1}
start_seconds=120
work=$(mktemp -d)
server=
failed=0
begin=$SECONDS

stop() {
  if [ -n "$server" ]; then
    kill "$server" 2> /dev/null
    for _ in {1..50}; do
      kill -0 "$server" 2> /dev/null || break
      sleep 0.1
    done
    kill -9 "$server" 2> /dev/null
  fi
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM

alive() { kill -0 "$server" 2> /dev/null; }

ended() { # the worker's last words, and the end
  echo "FAIL the worker has ended${1:+ ($1)}; its log:"
  tail -30 "$work/server.log"
  exit 1
}

scaled() { awk -v n="$1" -v s="$scale" 'BEGIN { n = int(n * s); print n < 1 ? 1 : n }'; }

guarded() { # SECONDS COMMAND...: stops it after so long, or as soon as the worker is gone
  local seconds=$1 job code
  shift
  timeout -k 5 "$seconds" "$@" &
  job=$!
  while kill -0 "$job" 2> /dev/null; do
    if ! alive; then
      kill "$job" 2> /dev/null
      wait "$job" 2> /dev/null
      return 125
    fi
    sleep 0.1
  done
  wait "$job"
  code=$?
  [ "$code" != 124 ] && [ "$code" != 137 ] || echo "stopped after $seconds s"
  return "$code"
}

load() { # NAME SECONDS INPUT OUTPUT REQUESTS FLAG...: one load; its figures are in $work/NAME
  local name=$1 seconds=$2 input=$3 output=$4 count=$5
  shift 5
  guarded "$seconds" "$home/baton" bench serve --backend vllm --port "$port" --model "$served" --tokenizer "$work/model" \
    --dataset-name random --random-input-len "$input" --random-output-len "$output" --ignore-eos --seed 1 \
    --num-prompts "$count" --disable-tqdm "$@" > "$work/$name" 2> "$work/$name.err"
  local code=$?
  if [ "$code" != 0 ] || ! grep -q '^Failed requests: *0 *$' "$work/$name"; then
    echo "FAIL $name (exit $code)"
    failed=1
    tail -5 "$work/$name.err"
    grep '^Failed requests' "$work/$name"
  fi
  alive || ended "$name"
  [ "$code" = 0 ] || return 1
  echo "$name: $(figure "$name" 'Request throughput \(req/s\)') requests/s; TTFT p50 $(figure "$name" 'Median TTFT \(ms\)')" \
    "p99 $(figure "$name" 'P99 TTFT \(ms\)'); TPOT p50 $(figure "$name" 'Median TPOT \(ms\)')" \
    "p99 $(figure "$name" 'P99 TPOT \(ms\)'); ITL p50 $(figure "$name" 'Median ITL \(ms\)') p99 $(figure "$name" 'P99 ITL \(ms\)');" \
    "mean parts of TTFT, ms: $(parts "$name")" \
    "(at $((SECONDS - begin)) s)"
}

parts() {
  awk '/ Time to First Token by Part / { on = 1 } on && / \(ms\):/ { ms = $NF; sub(/^Mean /, ""); sub(/ \(ms\):.*/, "")
    printf "%s%s %s", sep, $0, ms; sep = ", " }' "$work/$1"
}

figure() { awk -F ': +' -v label="^$2\$" '$1 ~ label { print $2 + 0; exit }' "$work/$1"; }

tell() { # LOAD LABEL NAME: a figure for the table
  printf 'FIGURE\t%s\t%s\n' "$3" "$(figure "$1" "$2")"
}

memory() { # MiB of the device in use; nothing where there is no nvidia-smi
  local device=${CUDA_VISIBLE_DEVICES:-0}
  nvidia-smi --id="${device%%,*}" --query-gpu=memory.used --format=csv,noheader,nounits 2> /dev/null
}

start() {
  "$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" dev.baton.app.TokenizerMaker "$model" "$work/model" || exit 1
  served=llama-3.1-8b
  touch "$work/server.log"
  # shellcheck disable=SC2086 # flags are separated by blanks
  "$home/baton" serve "$work/model" --served-model-name "$served" --load-format "${BATON_HTTP_WEIGHTS:-dummy-uniform}" --dtype "${BATON_HTTP_DTYPE:-float16}" \
    --max-model-len 10000 --no-enable-prefix-caching --host 127.0.0.1 --port 0 ${BATON_SERVE_FLAGS:-} > "$work/server.log" 2>&1 &
  server=$!
  local from=$SECONDS
  until grep -q '^Worker ready on ' "$work/server.log"; do
    alive || ended "while it started"
    [ $((SECONDS - from)) -lt "$start_seconds" ] || ended "not ready after $start_seconds s"
    sleep 0.1
  done
  grep -v -e '^WARNING' "$work/server.log"
  port=$(sed -n 's|^Worker ready on http://127.0.0.1:\([0-9]*\) .*|\1|p' "$work/server.log")
}

one() {
  load one 60 512 128 "$(scaled 16)" --max-concurrency 1 --num-warmups 5 || return
  tell one 'Median TPOT \(ms\)' "2 one in flight, 512/128: TPOT p50, ms"
  tell one 'Median TTFT \(ms\)' "2 one in flight, 512/128: TTFT p50, ms"
}

closed() {
  load closed-32 60 512 128 "$(scaled 256)" --max-concurrency 32 &&
    tell closed-32 'Request throughput \(req/s\)' "3 32 in flight, 512/128: requests/s"
  load closed-128 90 512 128 "$(scaled 768)" --max-concurrency 128 &&
    tell closed-128 'Request throughput \(req/s\)' "3 128 in flight, 512/128: requests/s"
}

inf() {
  load inf 60 512 64 "$(scaled 1000)" &&
    tell inf 'Request throughput \(req/s\)' "4 1,000 at once, 512/64: requests/s"
}

long() {
  load long 60 8000 16 "$(scaled 20)" --max-concurrency 1 --num-warmups 2 &&
    tell long 'Median TTFT \(ms\)' "5 8,000 tokens alone: TTFT p50, ms"
}

open() { # RATE
  local rate=$1 metric
  load "open-$rate" 70 512 64 "$(scaled $((30 * rate)))" --request-rate "$rate" || return
  for metric in TTFT TPOT; do
    tell "open-$rate" "Median $metric \\(ms\\)" "6 $rate requests/s, 512/64: $metric p50, ms"
    tell "open-$rate" "P99 $metric \\(ms\\)" "6 $rate requests/s, 512/64: $metric p99, ms"
  done
}

burst() {
  local before after
  # What the worker allocates once, for a kind of request or for a size, is no leak.
  guarded 60 "$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" dev.baton.app.BurstCheck "http://127.0.0.1:$port" "$work/model" 200 4000 \
    > "$work/burst.err" 2>&1 || cat "$work/burst.err"
  before=$(memory)
  guarded 220 "$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" dev.baton.app.BurstCheck "http://127.0.0.1:$port" "$work/model" \
    "$(scaled 10000)" 4000 2>&1 || failed=1
  alive || ended burst
  after=$(memory)
  [ -z "$before" ] || [ -z "$after" ] ||
    printf 'FIGURE\t8 burst of 10,000: device memory kept, MiB\t%s\n' "$((after - before))"
}

[ $# -gt 0 ] || set -- closed inf one long open burst
start
for part in "$@"; do
  case $part in
    open) for rate in 2 11 25 45; do open "$rate"; done ;;
    open:*) open "${part#open:}" ;;
    one | closed | inf | long | burst) "$part" ;;
    *) echo "no part \"$part\"" && failed=1 ;;
  esac
done
grep -i -e ' ERROR ' -e SEVERE -e Exception "$work/server.log" | head -5
exit "$failed"
