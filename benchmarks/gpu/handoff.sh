#!/usr/bin/env bash
# Checks and times hand-offs between two worker processes on one GPU, or on two of one host, and prints a table of figures and
# targets (handoff-targets.tsv; several-gpus-targets.tsv for two GPUs).
#   benchmarks/gpu/handoff.sh [--devices P,D] [--planes LIST] [PART...]
# --devices  GPUs of the prefill and the decode worker (as nvidia-smi numbers them), or cpu,cpu for a try without one; default: the
#            first for both
# --planes   ways for KV to go: ipc (CUDA IPC), nccl (two GPUs only), tcp, cpu (from the GPU to a CPU worker); default on one GPU
#            ipc,tcp,cpu, on two nccl,ipc. Deaths are checked on the first
# Parts, by default all of them, in under 5 minutes:
# copies   copies and checksums against the CPU's, their cost beside a bare device copy; a bare socket between page-locked
#          buffers; what one GPU allows of NCCL (a communicator of one rank), or a bare ncclSend and ncclRecv between two
# answers  200 greedy answers over each way against one worker's
# kill     kill -9 of either worker under load, three times each: what becomes of requests, and what is left
# http     the same through baton proxy, with baton bench serve as the load
# times    Llama-3.1-8B's shape with dummy weights (two workers: 32 GB and their pools): what of a hand-off comes after the
#          first token; bandwidth with send_type GET, where nothing is hidden, beside the bare copy, socket or send of copies
# stages   (only if named) one copy onto memory of this process and of another, in a row and with what happens between two
#          hand-offs: where the time goes that a hand-off takes longer
# Needs a built checkout (./verify, or ./baton once and mvn test-compile) and Java 25 (JAVA_HOME); or BATON_CLASSPATH with all
# its classes, those of the tests of app and cuda first. Workers write to handoff-workers.log in the current folder.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
home=$(cd "$here/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ -z "${BATON_CLASSPATH:-}" ]; then
  BATON_CLASSPATH=$home/app/target/test-classes:$home/cuda/target/test-classes
  for module in app serving openai bench cuda cpu engine model; do
    BATON_CLASSPATH+=:$home/$module/target/classes
  done
  for jar in "$home"/app/target/dist/lib/*.jar; do
    case $jar in */baton-*) ;; *) BATON_CLASSPATH+=:$jar ;; esac
  done
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
begin=$SECONDS
failed=()

part() { # NAME SECONDS CLASS ARGUMENTS...: runs it, keeps its output, remembers its failure
  local name=$1 most=$2 from=$SECONDS
  shift 2
  echo "== $name (at $((SECONDS - begin)) s)"
  timeout -k 2 "$most" "$java" --enable-native-access=ALL-UNNAMED -Dbaton.root="$home" -cp "$BATON_CLASSPATH" "$@" 2>&1 |
    grep --line-buffered -v -e '^WARNING: ' -e '^Picked up' | tee -a "$log" | grep --line-buffered -v -e '^FIGURE'
  local code=${PIPESTATUS[0]}
  [ "$code" = 0 ] || failed+=("$name (exit $code)")
  echo "   $name: $((SECONDS - from)) s"
}

figure() { # NAME: the figure of that name, if it was measured
  awk -F '\t' -v name="$1" '$1 == "FIGURE" && $2 == name { print $3; exit }' "$log"
}

check() {
  part "$1" "$2" dev.baton.app.HandoffCheck "$home/models/fable-5m" "devices=$devices" "planes=$planes" "${@:3}"
}

devices='' planes='' targets=handoff-targets.tsv
while [[ ${1:-} == --* ]]; do
  case $1 in
    --devices) devices=${2:-} ;;
    --planes) planes=${2:-} ;;
    *)
      echo "unknown option: $1 (--devices --planes)" >&2
      exit 2
      ;;
  esac
  shift 2 || exit 2
done
if [ "${devices%,*}" != "${devices#*,}" ]; then
  planes=${planes:-nccl,ipc}
  targets=several-gpus-targets.tsv
fi
planes=${planes:-ipc,tcp,cpu}
[ $# -gt 0 ] || set -- copies answers kill http times
if [ "$devices" != cpu,cpu ]; then
  nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv,noheader
fi
for name in "$@"; do
  case $name in
    copies) part copies 60 dev.baton.cuda.handoff.KvCopyCheck "$devices" ;;
    stages) part stages 60 dev.baton.cuda.handoff.KvCopyStages ;;
    answers) check answers 120 answers ;;
    kill) check kill 80 kill ;;
    http) check http 120 http ;;
    times)
      copy=$(figure "bare device copy, 4000 tokens, GB/s")
      peer=$(figure "bare copy between the two GPUs, 4000 tokens, GB/s")
      socket=$(figure "bare socket, GB/s")
      nccl=$(figure "bare ncclSend, 4000 tokens, GB/s")
      check times 140 times "bare-ipc=${peer:-${copy:-NaN}}" "bare-tcp=${socket:-NaN}" "bare-nccl=${nccl:-NaN}"
      ;;
    *)
      echo "unknown part: $name (copies answers kill http times stages)" >&2
      exit 2
      ;;
  esac
done
echo
awk -F '\t' -v width=84 -f "$here/table.awk" "$log" "$here/$targets"
echo
echo "took $((SECONDS - begin)) s; failed: ${failed[*]:-nothing}"
[ -z "${BATON_FIGURES:-}" ] || grep '^FIGURE' "$log" >> "$BATON_FIGURES"
[ ${#failed[@]} = 0 ]
