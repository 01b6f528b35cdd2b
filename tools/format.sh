#!/bin/bash
# Formats our C++ files in place; with --check changes nothing and fails where it would.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/sources.sh

mapfile -t files < <(sources_with .h .cc)
if ((${#files[@]} == 0)); then
  echo "no C++ sources found" >&2
  exit 1
fi
if [[ ${1:-} == --check ]]; then
  clang-format-14 --dry-run -Werror "${files[@]}"
else
  clang-format-14 -i "${files[@]}"
fi
