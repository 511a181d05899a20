#!/usr/bin/env bash
# Explains the sample photographs and says where the report is:  make demo
#
# The network is Locus's own (in models/), else the ImageNet one beside the repository, else one with random weights,
# which shows the workings but not cats.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

locus=build/locus
imagenet=../shared/models/mobilenet_v2_imagenet.onnx
out=demo

say() { printf 'demo: %s\n' "$*"; }
die() { printf 'demo: error: %s\n' "$*" >&2; exit 1; }

[ -x "$locus" ] || die "$locus is missing: run make build"
photos=(third_party/photos/*.jpg third_party/photos/*.png)
[ -e "${photos[0]}" ] || die "there are no photographs: run scripts/setup.sh photos"

# Only what an earlier demo left is removed.
if [ -e "$out" ]; then
  [ -e "$out/.made_by_demo" ] || die "$out/ exists and is not a demo's: move it away"
  rm -rf "$out"
fi
mkdir "$out"
touch "$out/.made_by_demo"

shopt -s nullglob
embedded=(models/*.onnx)
shopt -u nullglob
model=()
if [ ${#embedded[@]} -gt 0 ]; then
  say "using the network that comes with Locus (${embedded[0]})"
elif [ -e "$imagenet" ]; then
  say "using $imagenet (MobileNetV2, ImageNet's 1000 classes)"
  model=(-m "$imagenet")
else
  say "no trained network here: using a MobileNetV2 with random weights, so the classes mean nothing"
  say "for a real one, give yours:  $locus explain -m MODEL.onnx third_party/photos"
  "$locus" build mobilenet-v2 -o "$out/mobilenet-v2.onnx"
  model=(-m "$out/mobilenet-v2.onnx")
fi

command=("$locus" explain "${model[@]}" "${photos[@]}" -o "$out/explained" --class top:3)
say "${command[*]}"
"${command[@]}"

# The report is one file that needs nothing beside it.
cp "$out/explained/report.html" "$out/report.html"
say "now open $out/report.html in a browser"
