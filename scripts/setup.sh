#!/usr/bin/env bash
# Makes a Debian 12 or 13 machine ready for Locus:  scripts/setup.sh [GROUP...]
#
#   build   compiler and libraries for the library and the command, and ONNX Runtime (the default)
#   test    what the tests and checks need besides: test libraries, clang tools, Chromium, foreign clients from npm
#   train   LibTorch and Gloo, for training
#   mpi     Open MPI, for explaining and evaluating on a cluster
#   photos  sample photographs for the demo
#   all     all of these
#
# Installs what is missing and nothing else; where nothing is, it says nothing and takes under a second. Works as root,
# or through sudo. Outside the repository only Debian packages are installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

build_packages=(
  g++ make cmake ninja-build ccache pkg-config binutils
  libonnx-dev libprotobuf-dev protobuf-compiler
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev
  libjpeg62-turbo-dev libpng-dev libtiff-dev libgif-dev
  libeigen3-dev libcli11-dev nlohmann-json3-dev libfmt-dev libssl-dev zlib1g-dev
  ca-certificates debian-archive-keyring gpgv
)
test_packages=(
  libgtest-dev libgmock-dev libbenchmark-dev libzip-dev libvalijson-dev libonnx-testdata
  clang-format clang-tidy git chromium fonts-dejavu-core
)
train_packages=(libtorch-dev libgloo-dev)
mpi_packages=(libopenmpi-dev openmpi-bin)

want_build=0 want_test=0 want_train=0 want_mpi=0 want_photos=0
for group in "${@:-build}"; do
  case $group in
    build) want_build=1 ;;
    test) want_build=1 want_test=1 ;;
    train) want_build=1 want_train=1 ;;
    mpi) want_build=1 want_mpi=1 ;;
    photos) want_photos=1 ;;
    all) want_build=1 want_test=1 want_train=1 want_mpi=1 want_photos=1 ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "no group named '$group': build, test, train, mpi, photos or all" ;;
  esac
done

command -v apt-get >/dev/null || die "this is not Debian: install the equivalents of the packages that this script names, and set ONNXRUNTIME_ROOT"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "not root and no sudo here; as root, run: $*"
  fi
}

# --- Debian's packages -----------------------------------------------------------------------------------------------

wanted=()
if [ $want_build = 1 ]; then
  wanted+=("${build_packages[@]}")
  # Node.js from anywhere will do; Debian's packages would quarrel with another vendor's.
  if ! command -v npm >/dev/null; then wanted+=(nodejs npm); fi
fi
if [ $want_test = 1 ]; then wanted+=("${test_packages[@]}"); fi
if [ $want_train = 1 ]; then wanted+=("${train_packages[@]}"); fi
if [ $want_mpi = 1 ]; then wanted+=("${mpi_packages[@]}"); fi

missing=()
if [ ${#wanted[@]} -gt 0 ]; then
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sort -u || true)
  for package in "${wanted[@]}"; do
    grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
  done
fi

if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  # A lock held by someone else's apt is waited for, not fought over.
  options=(-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -q)
  as_root apt-get "${options[@]}" update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}"
fi

# --- ONNX Runtime, npm's packages, photographs -----------------------------------------------------------------------

if [ $want_build = 1 ]; then
  "$root/scripts/fetch-onnxruntime.sh"
fi

if [ $want_test = 1 ]; then
  npm_dir=$root/third_party/npm
  if ! cmp -s "$npm_dir/package-lock.json" "$npm_dir/node_modules/.made_from"; then
    say "installing the tests' npm packages into third_party/npm/node_modules"
    (cd "$npm_dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$npm_dir/package-lock.json" "$npm_dir/node_modules/.made_from"
  fi
fi

if [ $want_photos = 1 ]; then
  "$root/scripts/fetch-photos.sh"
fi
