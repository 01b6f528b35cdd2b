#!/bin/bash
# Installs the Debian packages of tools/packages.txt that are missing.
#
# Usage: install_debian_packages.sh SECTION...
set -euo pipefail
cd "$(dirname "$0")/.."

# Names under the given [section] headings, without those whose program is there already.
packages_of() {
  local sections=" $* "
  awk -v sections="$sections" '
    { sub(/#.*/, "") }
    /^\[.*\]/ { wanted = index(sections, " " substr($1, 2, length($1) - 2) " ") > 0; next }
    NF && wanted && (NF == 1 || system("command -v " $2 " >/dev/null") != 0) { print $1 }
  ' tools/packages.txt
}

# Of the names on stdin, the ones that are not installed.
missing_of() {
  local wanted
  wanted=$(sort -u)
  # shellcheck disable=SC2086 # one argument a name
  comm -23 <(echo "$wanted") \
    <(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
      awk '$1 == "installed" { print $2 }' | sort -u)
}

if ! command -v dpkg-query >/dev/null; then
  echo "SWOOSH builds with Debian 12's packages, and this is not Debian: see tools/packages.txt." >&2
  exit 1
fi

missing=$(packages_of "$@" | missing_of)
[[ -z $missing ]] && exit 0
# shellcheck disable=SC2206 # one element a name
missing=($missing)

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "Debian packages are missing, and there is no sudo to install them with. As root, run:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
# The lists of packages may be absent or old: only then fetch them.
if ! install >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update -qq || true
  if ! install; then
    echo "These packages could not be installed: ${missing[*]}" >&2
    exit 1
  fi
fi
