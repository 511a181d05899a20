#!/usr/bin/env bash
# clang-tidy on our own sources, one a core at a time:  scripts/tidy.sh [BUILD_FOLDER [FILE...]]
#
# Reads the folder's compile_commands.json. Left out unless named: what includes LibTorch, whose headers alone take minutes, and tests and
# benchmarks, where GoogleTest's macros are most of what is found.
# A file found clean is not looked at again until it, a header of ours, the checks or its command change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'tidy: error: %s\n' "$*" >&2; exit 1; }

build=${1:-build}
shift $(($# > 0 ? 1 : 0))
command -v clang-tidy >/dev/null || die "clang-tidy is missing: run scripts/setup.sh test"
[ -e "$build/compile_commands.json" ] || die "no $build/compile_commands.json: run make test first"

mapfile -t known < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u)
files=()
for file in "${known[@]}"; do
  name=${file#"$PWD"/}
  case $name in
    src/train/* | apps/locus-train/* | tests/* | bench/* | "$build"/* | /*) [ $# -eq 0 ] && continue ;;
  esac
  if [ $# -gt 0 ]; then
    for wish in "$@"; do if [ "$name" = "${wish#./}" ]; then files+=("$name"); fi; done
  else
    files+=("$name")
  fi
done
[ ${#files[@]} -gt 0 ] || die "no such source in $build/compile_commands.json"

# One stamp for what every file depends on.
stamps=$build/tidy
mkdir -p "$stamps"
common=$({ cat .clang-tidy "$build/compile_commands.json"; clang-tidy --version
  git ls-files -z --cached --others --exclude-standard -- '*.hpp' '*.h' | xargs -0 cat; } 2>/dev/null | sha256sum)

todo=()
for file in "${files[@]}"; do
  stamp=$stamps/${file//\//_}
  if [ "$(cat "$stamp" 2>/dev/null)" != "$common $(sha256sum <"$file")" ]; then todo+=("$file"); fi
done
if [ ${#todo[@]} -eq 0 ]; then
  echo "tidy: ${#files[@]} files are clean"
  exit 0
fi

one() {
  # The flags are g++'s: what clang does not know of them is no finding.
  if clang-tidy --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option "$1" 2>"$stamps/$$.log"; then
    echo "$common $(sha256sum <"$1")" >"$stamps/${1//\//_}"
  else
    grep -vE '^[0-9]+ warnings? (generated|treated)' "$stamps/$$.log" >&2 || true
    echo "tidy: not clean: $1"
    exit 1
  fi
}
export -f one
export build stamps common
# shellcheck disable=SC2016  # for the inner bash to expand
if printf '%s\0' "${todo[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'one "$1"' one; then
  rm -f "$stamps"/*.log
  echo "tidy: ${#files[@]} files are clean (${#todo[@]} looked at)"
else
  rm -f "$stamps"/*.log
  exit 1
fi
