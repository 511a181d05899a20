#!/usr/bin/env bash
# Unpacks sample photographs, and the licence notes of the Debian packages that hold them, into third_party/photos/.
# The packages themselves are not installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
photos=$root/third_party/photos

say() { printf 'fetch-photos: %s\n' "$*"; }
die() { printf 'fetch-photos: error: %s\n' "$*" >&2; exit 1; }

. "$root/scripts/lib/debian.sh"

# Photographs of one thing each (and one of several), most of them of a kind that ImageNet has a class for.
skimage=(
  chelsea.png # a tabby cat
  coffee.png  # an espresso
)
opencv=(
  data/butterfly.jpg                # a swallowtail
  data/fruits.jpg                   # orange, lemon, lime, kiwi
  data/orange.jpg                   # an orange
  data/squirrel_cls.jpg             # a squirrel on a branch
  data/chicky_512.png               # a dog
  alphamat/input_images/plant.jpg   # a plant in a pot
)

recipe="${skimage[*]} ${opencv[*]}"
if [ "$(cat "$photos/.made_from" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi

for tool in apt-get dpkg-deb tar; do
  command -v "$tool" >/dev/null || die "$tool is missing: the photographs come from Debian packages"
done

mkdir -p "$root/third_party"
work=$(mktemp -d "$root/third_party/.photos.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
made=$work/photos
mkdir "$made"

# Usage: take PACKAGE FOLDER FILE...: those files of the package's folder, flat, and its copyright file.
take() {
  local package=$1 folder=$2 archive members=() file
  shift 2
  for file in "$@"; do members+=("./$folder/$file"); done
  archive=$(debian_download "$work/apt" "$package")
  mkdir "$work/$package"
  dpkg-deb --fsys-tarfile "$archive" |
    tar -x -C "$work/$package" "${members[@]}" "./usr/share/doc/$package/copyright" ||
    die "$package no longer holds the photographs expected"
  for file in "$@"; do install -m 644 "$work/$package/$folder/$file" "$made/$(basename "$file")"; done
  install -m 644 "$work/$package/usr/share/doc/$package/copyright" "$made/copyright.$package"
}

say "fetching sample photographs (some 120 MB of packages for 2 MB of pictures)"
debian_open "$work/apt" "$(dpkg --print-architecture)"
take python3-skimage usr/lib/python3/dist-packages/skimage/data "${skimage[@]}"
take opencv-doc usr/share/doc/opencv-doc/examples "${opencv[@]}"

cat >"$made/README.md" <<'EOF'
# Sample photographs

Unpacked by `scripts/fetch-photos.sh` from Debian packages, for `make demo`. They are not part of Locus.

| from | photographs | licence notes |
| --- | --- | --- |
| scikit-image (`python3-skimage`) | chelsea, coffee | `copyright.python3-skimage` (BSD-3-Clause; both released as CC0 by their photographers, says `skimage/data/_fetchers.py`) |
| OpenCV's samples (`opencv-doc`) | butterfly, fruits, orange, squirrel_cls, chicky_512, plant | `copyright.opencv-doc` (Apache-2.0 and BSD-3-Clause) |
EOF
printf '%s\n' "$recipe" >"$made/.made_from"

rm -rf "$photos"
mv "$made" "$photos"
say "third_party/photos: $(find "$photos" -name '*.[jp][pn]g' | wc -l) photographs"
