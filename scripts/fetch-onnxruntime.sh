#!/usr/bin/env bash
# Unpacks ONNX Runtime into third_party/onnxruntime/: include/*.h and lib/libonnxruntime.so.1.
#
# Debian 12 has no ONNX Runtime, and Debian 13's shares libonnx's schema registry with us and complains about it
# at every start. So the library is the official one, out of the npm package onnxruntime-node (pinned with its hash
# in third_party/npm/package-lock.json), and the headers, which that package lacks, are those of Debian 13's
# libonnxruntime-dev. The C interface is versioned: a newer library serves an older header.
#
# Nothing is done where ONNXRUNTIME_ROOT names a prefix of your own (an official release, a CUDA build), or where
# the prefix is already there. Nothing outside the repository is changed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/third_party/onnxruntime
npm_dir=$root/third_party/npm
headers_package=libonnxruntime-dev

say() { printf 'fetch-onnxruntime: %s\n' "$*"; }
die() { printf 'fetch-onnxruntime: error: %s\n' "$*" >&2; exit 1; }

. "$root/scripts/lib/debian.sh"

if [ -n "${ONNXRUNTIME_ROOT:-}" ]; then
  [ -e "$ONNXRUNTIME_ROOT" ] || die "ONNXRUNTIME_ROOT is $ONNXRUNTIME_ROOT, which does not exist"
  say "ONNXRUNTIME_ROOT is set, using $ONNXRUNTIME_ROOT"
  exit 0
fi

case $(uname -s)-$(uname -m) in
  Linux-x86_64) node_arch=x64 deb_arch=amd64 ;;
  Linux-aarch64) node_arch=arm64 deb_arch=arm64 ;;
  *) die "no ONNX Runtime known for $(uname -s) $(uname -m): set ONNXRUNTIME_ROOT to a prefix that holds one" ;;
esac

# What a finished prefix was made from; another version or another recipe makes it anew.
recipe="onnxruntime-node $(sed -n 's/.*"onnxruntime-node": "\(.*\)".*/\1/p' "$npm_dir/package.json")"
recipe="$recipe, headers of $headers_package ($debian_release), $deb_arch"
if [ "$(cat "$prefix/MADE_FROM" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi

for tool in npm apt-get dpkg-deb objdump cc; do
  command -v "$tool" >/dev/null || die "$tool is missing: run scripts/setup.sh build"
done

mkdir -p "$root/third_party"
work=$(mktemp -d "$root/third_party/.onnxruntime.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
made=$work/prefix
mkdir -p "$made/include" "$made/lib"

# --- the library -----------------------------------------------------------------------------------------------------

# In a folder of its own, so that node_modules with the tests' packages is not disturbed. npm checks the lock file's hash.
say "fetching the library ($recipe)"
mkdir "$work/npm"
cp "$npm_dir/package.json" "$npm_dir/package-lock.json" "$npm_dir/.npmrc" "$work/npm/"
(cd "$work/npm" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
node_package=$work/npm/node_modules/onnxruntime-node
library=$(find "$node_package/bin" -path "*/linux/$node_arch/libonnxruntime.so.1" -print -quit)
[ -n "$library" ] || die "onnxruntime-node has no libonnxruntime.so.1 for linux/$node_arch"
install -m 644 "$library" "$made/lib/libonnxruntime.so.1"
ln -s libonnxruntime.so.1 "$made/lib/libonnxruntime.so"
for notice in LICENSE ThirdPartyNotices.txt README.md; do
  if [ -e "$node_package/$notice" ]; then cp "$node_package/$notice" "$made/"; fi
done

# --- the headers -----------------------------------------------------------------------------------------------------

say "fetching the headers ($headers_package of Debian $debian_release)"
debian_open "$work/apt" "$deb_arch"
package=$(debian_download "$work/apt" "$headers_package")
dpkg-deb -x "$package" "$work/deb"
headers=$(dirname "$(find "$work/deb/usr/include" -name onnxruntime_c_api.h -print -quit)")
[ -e "$headers/onnxruntime_cxx_api.h" ] || die "$headers_package does not hold the headers expected"
# Flat, as in an official release, wherever the package keeps its parts.
find "$work/deb/usr/include" -name '*.h' -exec cp {} "$made/include/" \;
cp "$work/deb/usr/share/doc/$headers_package/copyright" "$made/copyright.headers"

# --- the proof -------------------------------------------------------------------------------------------------------

soname=$(objdump -p "$made/lib/libonnxruntime.so.1" | awk '$1 == "SONAME" { print $2 }')
[ "$soname" = libonnxruntime.so.1 ] ||
  die "the library does not call itself libonnxruntime.so.1"
cat >"$work/probe.c" <<'EOF'
#include <onnxruntime_c_api.h>
#include <stdio.h>
int main(void) {
    const OrtApiBase* base = OrtGetApiBase();
    const OrtApi* api = base->GetApi(ORT_API_VERSION);
    OrtEnv* env = NULL;
    if (!api || api->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "probe", &env)) return 1;
    printf("library %s, header's API %d\n", base->GetVersionString(), ORT_API_VERSION);
    api->ReleaseEnv(env);
    return 0;
}
EOF
cc -I "$made/include" "$work/probe.c" -o "$work/probe" -L "$made/lib" -lonnxruntime -Wl,-rpath,"$made/lib"
proof=$("$work/probe") || die "the library does not start with these headers"
printf '%s\n' "$recipe" >"$made/MADE_FROM"

rm -rf "$prefix"
mv "$made" "$prefix"
say "third_party/onnxruntime: $proof"
