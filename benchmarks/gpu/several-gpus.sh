#!/usr/bin/env bash
# What needs two GPUs of one host or more, in one command and in pieces: hand-offs over NCCL (and CUDA IPC between two GPUs)
# checked and timed, then an experiment of 1 prefill and n decode workers, each on a GPU of its own, against combined serving.
#   benchmarks/gpu/several-gpus.sh SECONDS ARCHIVE.tar.gz [PART...]
# Ends within SECONDS (540 are enough for everything but the whole experiment; ask again with the part "experiment" until it
# says that nothing is left) and keeps what the experiment has measured so far in ARCHIVE.tar.gz, as experiment.sh does, which
# it runs. Parts: copies answers kill http times (handoff.sh, which describes them; about 4 minutes), experiment.
# The experiment is two-gpus-1p1d.yaml, or four-gpus-1p3d.yaml where there are four GPUs (BATON_EXPERIMENT names another file).
# Its workload "idle" compares the time to the first token with one request at a time, "interference" how long prompts disturb
# answers that are being written. On one GPU everything runs that can: CUDA IPC on it, and one-gpu-1p1d.yaml; it says what it
# leaves out. Variables as for handoff.sh and experiment.sh. NVLink multicast stays off (NCCL_NVLS_ENABLE=0).
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
home=$(cd "$here/../.." && pwd)
seconds=$1 archive=$(readlink -m "$2")
shift 2
begin=$SECONDS
export NCCL_NVLS_ENABLE=0
gpus=$(nvidia-smi --query-gpu=index --format=csv,noheader 2> /dev/null | wc -l)
[ "$gpus" -gt 0 ] || { echo "there is no GPU here (nvidia-smi lists none)" >&2; exit 1; }
echo "$gpus GPU(s) on this machine"
nvidia-smi topo -m 2> /dev/null | head -$((gpus + 1))
if [ "$gpus" -ge 4 ]; then
  devices=0,1 planes=nccl,ipc experiment=four-gpus-1p3d
elif [ "$gpus" -ge 2 ]; then
  devices=0,1 planes=nccl,ipc experiment=two-gpus-1p1d
else
  devices=0,0 planes=ipc experiment=one-gpu-1p1d
  echo "LEFT OUT, for want of a second GPU: answers, deaths and times over NCCL, a bare ncclSend, CUDA IPC between two GPUs," \
    "workers on GPUs of their own"
fi
file=${BATON_EXPERIMENT:-$home/experiments/$experiment.yaml}
[ $# -gt 0 ] || set -- copies answers kill http times experiment
parts=() code=0 run_experiment=
for part in "$@"; do
  if [ "$part" = experiment ]; then run_experiment=1; else parts+=("$part"); fi
done
left() { echo $((seconds - (SECONDS - begin))); }
if [ ${#parts[@]} -gt 0 ]; then
  timeout -k 5 "$(left)" "$here/handoff.sh" --devices "$devices" --planes "$planes" "${parts[@]}" || code=$?
fi
if [ -n "$run_experiment" ]; then
  rest=$(($(left) - 5)) # packing
  if [ "$rest" -ge 60 ]; then
    echo "== $(basename "$file"), $rest s"
    timeout -k 5 "$rest" "$here/experiment.sh" "$file" $((rest - 10)) "$archive" || code=$?
  else
    echo "LEFT OUT, for want of time: the experiment"
  fi
fi
echo "several-gpus.sh: $((SECONDS - begin)) s, $gpus GPU(s), exit $code"
exit "$code"
