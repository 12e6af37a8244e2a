#!/usr/bin/env bash
# Checks and times the CUDA backend on a machine with a GPU, and prints one table of figures and targets (targets.tsv).
#   benchmarks/gpu/run.sh             everything, in under 8 minutes
#   benchmarks/gpu/run.sh PART...     some of: checks shape idle times http sanitizer loops
# checks     every kernel and the sampler against float64 twins on odd sizes with poisoned outputs; the whole forward pass
#            against the goldens and the CPU backend; 10,000 mixed requests through the engine
# shape      two layers in Llama-3.1-8B's shape against transformers and the CPU backend, and how fast its weights load
#            (needs a python3 with torch and transformers)
# idle       how long the device idles between decode steps
# times      steps of Llama-3.1-8B's shape with dummy weights
# http       what http.sh measures through the API
# sanitizer  kernels on small shapes under compute-sanitizer's memcheck and racecheck, where it is installed
# loops      closed loops through the engine alone, with several limits of a step (not among those without an argument)
# A part that takes too long is stopped, so that the table comes after 8 minutes at the latest. Without an argument, the parts
# whose time is no figure (checks, shape, sanitizer) run beside each other, the others alone.
# Needs a built checkout (./verify, or ./baton once and mvn test-compile) and Java 25 (JAVA_HOME, a JRE will do); or
# BATON_CLASSPATH with all its classes, those of cuda's and app's tests first. Other scripts add figures to the table by printing lines
# "FIGURE<tab>name<tab>value".
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
home=$(cd "$here/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ -z "${BATON_CLASSPATH:-}" ]; then
  BATON_CLASSPATH=$home/cuda/target/test-classes:$home/app/target/test-classes
  for module in app bench serving openai cuda cpu engine model; do
    BATON_CLASSPATH+=:$home/$module/target/classes
  done
  for jar in "$home"/app/target/dist/lib/*.jar; do
    case $jar in */baton-*) ;; *) BATON_CLASSPATH+=:$jar ;; esac
  done
fi
export BATON_CLASSPATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
begin=$SECONDS
whole=470 # s for all parts
limit=0   # s for the part that runs
under=()  # what a check runs under

part() { # NAME SECONDS COMMAND...: runs it, keeps its output, remembers its failure
  local name=$1 from=$SECONDS left=$((whole - SECONDS + begin))
  limit=$(($2 < left ? $2 : left))
  shift 2
  echo "== $name (at $((SECONDS - begin)) s)"
  if [ "$limit" -lt 5 ]; then
    echo "left out: no time is left"
    echo "$name (left out)" >> "$work/failed"
    return
  fi
  "$@" 2>&1 | grep -v -e '^WARNING: ' | tee -a "$log"
  local code=${PIPESTATUS[0]}
  [ "$code" = 0 ] || echo "$name (exit $code)" >> "$work/failed"
  echo "   $name: $((SECONDS - from)) s"
}

check() {
  timeout -k 5 "$limit" "${under[@]}" "$java" --enable-native-access=ALL-UNNAMED --add-modules jdk.incubator.vector -cp "$BATON_CLASSPATH" \
    dev.baton.cuda.forward.GpuCheck "$home" "$@"
}

http() { timeout -k 10 "$limit" "$here/http.sh"; }

shape() {
  if ! python3 -c 'import torch, transformers' 2> /dev/null; then
    echo "left out: there is no python3 with torch and transformers"
    return 0
  fi
  timeout -k 5 "$limit" python3 "$here/reference.py" "$work/shape-8b" 2>&1 | grep -e '^transformers' -e Error || return 1
  check "shape:$work/shape-8b" "load:$work/shape-8b" load-dummy
}

sanitizer() {
  local tool checks code=0
  tool=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2> /dev/null | head -1)
  [ -n "$tool" ] || { echo "left out: there is no compute-sanitizer" && return 0; }
  for checks in "memcheck ops sampling" "racecheck ops sampling" "memcheck product-kernels" "racecheck product-kernels" \
    "memcheck prefill" "racecheck prefill" "memcheck decode" "racecheck decode"; do
    # shellcheck disable=SC2086 # words of the list
    sanitize $tool $checks || code=1
  done
  return "$code"
}

sanitize() { # TOOL CHECKER CHECKS...
  local checker=$2 checks="${*:3}" begun=$SECONDS code
  under=("$1" --tool "$checker" --error-exitcode 9)
  shift 2
  check small "$@" > "$work/sanitizer" 2>&1
  code=$?
  under=()
  limit=$((limit - SECONDS + begun))
  [ "$limit" -gt 5 ] || limit=5
  echo "$checker, $checks: exit $code, $(grep -e 'ERROR SUMMARY' -e 'RACECHECK SUMMARY' "$work/sanitizer" | tail -1)"
  return "$code"
}

table() {
  echo
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  awk -F '\t' -f "$here/table.awk" "$log" "$here/targets.tsv"
}

run() { # NAME: one part
  case $1 in
    checks) part checks 170 check doctor kernels sampling goldens cpu burst ;;
    shape) part shape 150 shape ;;
    idle | times) part "$1" 60 check "$1" ;;
    loops) part loops 200 check loops ;;
    http) part http 420 http ;;
    sanitizer) part sanitizer 170 sanitizer ;;
    *) part "$1" 200 check "$1" ;;
  esac
}

beside() { # NAME...: several parts at once; what they print comes when all are done, one after the other
  local name
  for name in "$@"; do
    run "$name" > "$work/$name.out" 2>&1 &
  done
  wait
  for name in "$@"; do cat "$work/$name.out"; done
}

touch "$log" "$work/failed"
if [ $# -eq 0 ]; then
  beside checks shape sanitizer
  set -- idle times http
fi
for name in "$@"; do run "$name"; done
table
echo
failed=$(paste -sd, "$work/failed")
echo "took $((SECONDS - begin)) s; failed: ${failed:-nothing}"
[ -z "$failed" ]
