#!/usr/bin/env bash
# Checks and times the CUDA backend on a machine with a GPU, and prints one table of figures and targets (targets.tsv).
#   benchmarks/gpu/run.sh             everything, in under 8 minutes
#   benchmarks/gpu/run.sh PART...     some of: checks shape idle times loops http
# checks     every kernel and the sampler against float64 twins on odd sizes with poisoned outputs; the whole forward pass
#            against the goldens and the CPU backend; 10,000 mixed requests through the engine
# shape      two layers in Llama-3.1-8B's shape against transformers and the CPU backend, and how fast its weights load
#            (needs a python3 with torch and transformers)
# idle       how long the device idles between decode steps
# times      steps of Llama-3.1-8B's shape with dummy weights;  loops: closed loops through the engine
# http       what http.sh measures through the API
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
failed=()
begin=$SECONDS

part() { # NAME COMMAND...: runs it, keeps its output, remembers its failure
  local name=$1 from=$SECONDS
  shift
  echo "== $name (at $((SECONDS - begin)) s)"
  "$@" 2>&1 | grep -v -e '^WARNING: ' | tee -a "$log"
  local code=${PIPESTATUS[0]}
  [ "$code" = 0 ] || failed+=("$name (exit $code)")
  echo "   $name: $((SECONDS - from)) s"
}

check() {
  "$java" --enable-native-access=ALL-UNNAMED --add-modules jdk.incubator.vector -cp "$BATON_CLASSPATH" \
    dev.baton.cuda.forward.GpuCheck "$home" "$@"
}

shape() {
  if ! python3 -c 'import torch, transformers' 2> /dev/null; then
    echo "left out: there is no python3 with torch and transformers"
    return 0
  fi
  python3 "$here/reference.py" "$work/shape-8b" 2>&1 | grep -e '^transformers' -e Error || return 1
  check "shape:$work/shape-8b" "load:$work/shape-8b" load-dummy
}

table() {
  echo
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  awk -F '\t' -f "$here/table.awk" "$log" "$here/targets.tsv"
}

[ $# -gt 0 ] || set -- checks shape idle times loops http
touch "$log"
for name in "$@"; do
  case $name in
    checks) part checks check doctor kernels sampling goldens cpu burst ;;
    shape) part shape shape ;;
    idle | times | loops) part "$name" check "$name" ;;
    http) [ ! -x "$here/http.sh" ] || part http "$here/http.sh" ;;
    *) part "$name" check "$name" ;;
  esac
done
table
echo
echo "took $((SECONDS - begin)) s; failed: ${failed[*]:-nothing}"
[ ${#failed[@]} = 0 ]
