#!/bin/bash
# Installs third_party/npm's packages when its lock file has changed since the last time.
#
# What needs them is optional: where they can't be had this says why, in one line on stdout that
# begins with "npm packages:", and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly FOLDER=third_party/npm
readonly STAMP=$FOLDER/node_modules/.installed_lock_sha256

# What swooshd's page needs of them, for Bazel, which does not look into node_modules.
copy_page_files() {
  local from=$FOLDER/node_modules to=$FOLDER/page file
  local files=(@dagrejs/dagre/dist/dagre.esm.js uplot/dist/uPlot.esm.js uplot/dist/uPlot.min.css)
  mkdir -p "$to"
  for file in "${files[@]}"; do
    cmp -s "$from/$file" "$to/${file##*/}" || cp "$from/$file" "$to/${file##*/}"
  done
  {
    echo "The page of swooshd uses these libraries, unchanged."
    for file in @dagrejs/dagre @dagrejs/graphlib uplot; do
      printf '\n%s\n\n' "$file"
      cat "$from/$file/LICENSE"
    done
  } >"$to/licences.txt"
}

lock_sha256=$(sha256sum "$FOLDER/package-lock.json" | cut -d' ' -f1)
if [[ -f $STAMP && $(<"$STAMP") == "$lock_sha256" ]] && command -v node >/dev/null; then
  copy_page_files
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
copy_page_files
echo "$lock_sha256" >"$STAMP"
