#!/bin/bash
# Installs third_party/npm's packages when its lock file has changed since the last time.
#
# What needs them is optional: where they can't be had this says why, in one line on stdout that
# begins with "npm packages:", and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly FOLDER=third_party/npm
readonly STAMP=$FOLDER/node_modules/.installed_lock_sha256

lock_sha256=$(sha256sum "$FOLDER/package-lock.json" | cut -d' ' -f1)
if [[ -f $STAMP && $(<"$STAMP") == "$lock_sha256" ]] && command -v node >/dev/null; then
  exit 0
fi

# Asks apt only for what is absent: another distribution of node may be installed already.
ensure_node() {
  local wanted=() as_root=()
  command -v node >/dev/null || wanted+=(nodejs)
  command -v npm >/dev/null || wanted+=(npm)
  ((${#wanted[@]} == 0)) && return 0
  ((EUID != 0)) && as_root=(sudo)
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "${wanted[@]}")
  echo "Installing ${wanted[*]}" >&2
  "${install[@]}" >&2 || { "${as_root[@]}" apt-get update -qq >&2 && "${install[@]}" >&2; }
}

if ! ensure_node; then
  echo "npm packages: node and npm could not be installed"
  exit 1
fi
mkdir -p .dev
if ! npm ci --prefix "$FOLDER" --ignore-scripts --no-audit --no-fund \
  --fetch-retries=1 --fetch-timeout=60000 >.dev/npm.log 2>&1; then
  echo "npm packages: \`npm ci\` failed, see .dev/npm.log"
  exit 1
fi
echo "$lock_sha256" >"$STAMP"
