#!/bin/bash
# Installs the Debian packages of tools/packages.txt that are missing. Services that come with them are
# not started, now or at the next boot.
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

# Debian starts what it installs unless this program forbids it (invoke-rc.d(8)). It forbids as long as
# this script runs, so one that is left behind by a kill forbids nothing. Where there is one already,
# the machine's owner has decided.
readonly policy=/usr/sbin/policy-rc.d
enabled_services() {
  if [[ -d /run/systemd/system ]]; then
    systemctl list-unit-files --type=service --state=enabled --no-legend | awk '{ print $1 }' | sort
  fi
}
forbid_services() {
  [[ -e $policy ]] && return
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM
  printf '#!/bin/sh\n[ -d /proc/%d ] && exit 101\nexit 0\n' $$ |
    "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
}

enabled_before=$(enabled_services)
forbid_services
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
# The lists of packages may be absent or old: only then fetch them.
if ! install >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update -qq || true
  if ! install; then
    echo "These packages could not be installed: ${missing[*]}" >&2
    exit 1
  fi
fi
mapfile -t enabled < <(comm -13 <(echo "$enabled_before") <(enabled_services))
((${#enabled[@]} == 0)) || "${as_root[@]}" systemctl disable --quiet "${enabled[@]}"
