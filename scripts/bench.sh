#!/usr/bin/env bash
# Runs every benchmark of a build folder, one after another:  scripts/bench.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=${1:-build-bench}
found=0
for program in "$build"/bench/*; do
  if [ -f "$program" ] && [ -x "$program" ]; then
    found=1
    printf '\n== %s\n' "$(basename "$program")"
    "$program"
  fi
done
[ $found = 1 ] || { echo "bench: error: no benchmarks in $build/bench" >&2; exit 1; }
