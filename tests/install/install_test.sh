#!/usr/bin/env bash
# Installs Locus, moves it elsewhere, and checks that the command runs there and that find_package(Locus) finds it.
#   install_test.sh BUILD_FOLDER CONSUMER_FOLDER
set -euo pipefail
build=$1 consumer=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/moved"

version=$("$work/moved/bin/locus" --version)
case $version in
  locus\ [0-9]*) echo "moved command: $version" ;;
  *) echo "the moved command does not run: $version" >&2; exit 1 ;;
esac

cmake -S "$consumer" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/configure.log" \
  || { cat "$work/configure.log" >&2; exit 1; }
cmake --build "$work/consumer" >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
"$work/consumer/consumer"
