#!/usr/bin/env bash
# Checks and times hand-offs between two worker processes on one GPU, and prints a table of figures and targets
# (handoff-targets.tsv).
#   benchmarks/gpu/handoff.sh            everything, in under 5 minutes
#   benchmarks/gpu/handoff.sh PART...    some of: copies answers kill times
# copies   copies and checksums against the CPU's, their cost beside a bare device copy; a bare socket between page-locked
#          buffers; what one GPU allows of NCCL (a communicator of one rank)
# answers  200 greedy answers over CUDA IPC, over TCP, and from the GPU to a CPU worker, against one worker's
# kill     kill -9 of either worker under load, three times each: what becomes of requests, and what is left
# times    Llama-3.1-8B's shape with dummy weights (two workers: 32 GB and their pools): what of a hand-off comes after the
#          first token; bandwidth with send_type GET, where nothing is hidden, beside the bare copy and socket of copies
# Needs a built checkout (./verify, or ./baton once and mvn test-compile) and Java 25 (JAVA_HOME); or BATON_CLASSPATH with all
# its classes, those of the tests of app and cuda first. Workers write to handoff-workers.log in the current folder.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
home=$(cd "$here/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ -z "${BATON_CLASSPATH:-}" ]; then
  BATON_CLASSPATH=$home/app/target/test-classes:$home/cuda/target/test-classes
  for module in app serving openai cuda cpu engine model; do
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
  timeout -k 2 "$most" "$java" --enable-native-access=ALL-UNNAMED -cp "$BATON_CLASSPATH" "$@" 2>&1 |
    grep -v -e '^WARNING: ' -e '^Picked up' | tee -a "$log" | grep -v -e '^FIGURE'
  local code=${PIPESTATUS[0]}
  [ "$code" = 0 ] || failed+=("$name (exit $code)")
  echo "   $name: $((SECONDS - from)) s"
}

figure() { # NAME: the figure of that name, if it was measured
  awk -F '\t' -v name="$1" '$1 == "FIGURE" && $2 == name { print $3; exit }' "$log"
}

check() {
  part "$1" "$2" dev.baton.app.HandoffCheck "$home/models/fable-5m" "${@:3}"
}

[ $# -gt 0 ] || set -- copies answers kill times
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
for name in "$@"; do
  case $name in
    copies) part copies 60 dev.baton.cuda.handoff.KvCopyCheck ;;
    answers) check answers 90 answers ;;
    kill) check kill 80 kill ;;
    times)
      copy=$(figure "bare device copy, 4000 tokens, GB/s")
      socket=$(figure "bare socket, GB/s")
      check times 110 times "bare-copy=${copy:-NaN}" "bare-socket=${socket:-NaN}"
      ;;
    *)
      echo "unknown part: $name (copies answers kill times)" >&2
      exit 2
      ;;
  esac
done
echo
awk -F '\t' -v width=84 -f "$here/table.awk" "$log" "$here/handoff-targets.tsv"
echo
echo "took $((SECONDS - begin)) s; failed: ${failed[*]:-nothing}"
[ ${#failed[@]} = 0 ]
