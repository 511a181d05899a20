#!/usr/bin/env bash
# Installs Locus, moves it elsewhere, and checks that the command runs there, that find_package(Locus) finds it, also
# from the examples by themselves, that pkg-config does, and that the headers give no warnings.
#   install_test.sh BUILD_FOLDER CONSUMER_FOLDER EXAMPLES_FOLDER
set -euo pipefail
build=$1 consumer=$2 examples=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/moved"

version=$("$work/moved/bin/locus" --version)
case $version in
  locus\ [0-9]*) echo "moved command: $version" ;;
  *) echo "the moved command does not run: $version" >&2; exit 1 ;;
esac

# A BMP, which liblocus_codecs.so decodes: 8 x 8 pixels of 24 bits.
{
  printf 'BM\366\0\0\0\0\0\0\0\66\0\0\0\50\0\0\0\10\0\0\0\10\0\0\0\1\0\30\0\0\0\0\0\300\0\0\0'
  head -c 16 /dev/zero
  head -c 192 /dev/urandom
} >"$work/noise.bmp"
"$work/moved/bin/locus" explain "$work/noise.bmp" -o "$work/explained" -q \
  || { echo "the moved command does not explain a BMP" >&2; exit 1; }

# Links between the installed pages lead to something.
(cd "$work/moved/share/doc/Locus"
 find . -name '*.md' | while read -r page; do
   { grep -oE '\]\([^)#]+' "$page" || true; } | sed 's/^](//' | { grep -v '^https\?:' || true; } | while read -r link; do
     [ -e "$(dirname "$page")/$link" ] || echo "$page: $link"
   done
 done) >"$work/dead"
[ ! -s "$work/dead" ] || { echo "dead links in share/doc/Locus:" >&2; cat "$work/dead" >&2; exit 1; }

# build_against SOURCES OUT: configured and built by itself, with nothing but the moved tree to be found.
build_against() {
  cmake -S "$1" -B "$2" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/configure.log" \
    || { cat "$work/configure.log" >&2; exit 1; }
  cmake --build "$2" >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
}
build_against "$consumer" "$work/consumer"
"$work/consumer/consumer"
build_against "$examples" "$work/examples"
"$work/examples/example_raw_tensors" "$work"/moved/share/locus/models/*.onnx

pc=$(find "$work/moved" -name locus.pc)
export PKG_CONFIG_PATH=${pc%/*}
[ "locus $(pkg-config --modversion locus)" = "${version%% (*}" ] \
  || { echo "locus.pc is of version $(pkg-config --modversion locus), the command says $version" >&2; exit 1; }
read -ra flags <<<"$(pkg-config --cflags --libs locus) ${LDFLAGS:-}"
"${CXX:-c++}" -std=c++20 "$consumer/consumer.cpp" -o "$work/by_pkg_config" "${flags[@]}" \
  -Wl,-rpath,"$(pkg-config --variable=libdir locus)"
"$work/by_pkg_config"
echo "found by pkg-config: $(pkg-config --cflags --libs locus)"

for header in "$work"/moved/include/locus/*.hpp; do
  grep -q "<locus/${header##*/}>" "$consumer/strict.cpp" || { echo "strict.cpp lacks ${header##*/}" >&2; exit 1; }
done
for compiler in "${CXX:-c++}" clang++; do
  command -v "$compiler" >/dev/null || continue
  "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror \
    -I"$work/moved/include" "$consumer/strict.cpp"
  echo "no warnings from $compiler"
done
