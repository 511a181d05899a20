# shellcheck shell=bash disable=SC1091,SC2016
# Sourced by the fetch scripts: packages of one fixed Debian release, whatever release this machine runs, fetched
# without touching the machine's own package lists.
#
#   debian_open DIR ARCH            reads the release's package lists into DIR
#   debian_download DIR PACKAGE     leaves the .deb in DIR/download and prints its path
#
# apt-get runs with lists and cache of its own: it checks the mirror's signature against Debian's keys, the package
# lists against the signed Release file and the package against the lists. The machine's proxies and certificates hold.
# The mirror is the one that the machine itself uses.

debian_release=trixie

debian_open() {
  local dir=$1 arch=$2 codename mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$codename" '($2 == suite || $2 ~ /^(old)?stable$/) && $3 == "main" && !found++ { print $1 }')
  [ -n "$mirror" ] || die "found no Debian mirror for '$codename' in apt's sources"
  [ -e "$keyring" ] || die "$keyring is missing: run scripts/setup.sh build"

  mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,download}
  : >"$dir/status"
  echo "deb [arch=$arch signed-by=$keyring target=Packages] $mirror $debian_release main" >"$dir/sources.list"
  cat >"$dir/apt.conf" <<EOF
#clear APT::Update;
#clear DPkg::Post-Invoke;
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$dir/state";
Dir::State::Status "$dir/status";
Dir::Cache "$dir/cache";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Default-Release "";
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "3";
EOF
  # Without Error-Mode, apt-get calls a mirror that it could not read a mere warning.
  apt-get -c "$dir/apt.conf" -o APT::Update::Error-Mode=any -q -q update ||
    die "could not read Debian $debian_release's package lists (if its signing key is unknown, update" \
      "debian-archive-keyring)"
}

debian_download() {
  local dir=$1 package=$2
  (cd "$dir/download" && apt-get -c "$dir/apt.conf" -q -q download "$package" >&2) ||
    die "could not fetch Debian's package $package"
  echo "$dir/download/${package}"_*.deb
}
