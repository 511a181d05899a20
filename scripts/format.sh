#!/usr/bin/env bash
# Lays out our C++ sources as .clang-format says:  scripts/format.sh [--check]
#
# With --check nothing is written; files that are laid out otherwise are named, and the exit status is 1. Versions of
# clang-format differ in details: the one of Debian 12 (14) counts, with another one differences are told, not failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'format: error: %s\n' "$*" >&2; exit 1; }

command -v clang-format >/dev/null || die "clang-format is missing: run scripts/setup.sh test"
version=$(clang-format --version | sed -n 's/.*version \([0-9]*\).*/\1/p')

mapfile -d '' files < <(git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' '*.h')
existing=()
for file in "${files[@]}"; do if [ -f "$file" ]; then existing+=("$file"); fi; done
[ ${#existing[@]} -gt 0 ] || die "no sources found"

if [ "${1:-}" != --check ]; then
  clang-format -i "${existing[@]}"
  exit 0
fi

wrong=()
for file in "${existing[@]}"; do
  cmp -s "$file" <(clang-format "$file") || wrong+=("$file")
done
if [ ${#wrong[@]} -eq 0 ]; then
  echo "format: ${#existing[@]} files are laid out as .clang-format says"
  exit 0
fi
printf 'format: make format would change %s\n' "${wrong[@]}"
[ "$version" = 14 ] || { echo "format: but this is clang-format $version, not 14: let pass"; exit 0; }
exit 1
