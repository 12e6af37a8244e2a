#!/usr/bin/env bash
# Runs an experiment in pieces on a machine that is lent by the minute and has a Java runtime but no checkout that is built.
#   benchmarks/gpu/experiment.sh FILE.yaml SECONDS ARCHIVE.tar.gz
# Begins no measurement that would not be done after SECONDS, and leaves everything measured so far in ARCHIVE.tar.gz. If that
# exists at the start, it goes on from there; run it again until it says that nothing is left. Then unpack the archive on a
# machine with a full JDK and write the report there: ./baton report RUN-FOLDER --out FOLDER.
# BATON_CLASSPATH: Baton's classes or jars and its libraries' (by default a built checkout's). BATON_WORK: a folder for the run
# (default: a new one). BATON_COMMIT: what to note as the commit, where there is no git. JAVA_HOME: Java 25.
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
file=$(readlink -f "$1") seconds=$2 archive=$(readlink -m "$3")
work=${BATON_WORK:-$(mktemp -d)}
[ -z "${BATON_CLASSPATH:-}" ] || export BATON_CLASSPATH
mkdir -p "$work"
cd "$work"
[ -d runs ] || [ ! -f "$archive" ] || tar xzf "$archive"
mkdir -p runs
run=$(find runs -mindepth 1 -maxdepth 1 -type d | head -1)
code=0
if [ -n "$run" ]; then
  "$home/baton" experiment run --resume "$run" --time-limit "$seconds" || code=$?
else
  "$home/baton" experiment run "$file" --time-limit "$seconds" || code=$?
fi
run=$(find runs -mindepth 1 -maxdepth 1 -type d | head -1)
if [ -n "${BATON_COMMIT:-}" ]; then
  sed -i "s/\"commit\" *: *\"[^\"]*\"/\"commit\" : \"$BATON_COMMIT\"/" "$run"/environment*.json
fi
tar czf "$archive" --exclude=plots --exclude='report.*' runs
ls -l "$archive"
exit "$code"
