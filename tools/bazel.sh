#!/bin/bash
# Debian's Bazel, in the root of this tree. BAZEL names another one.
set -euo pipefail
cd "$(dirname "$0")/.."

# Left by another output base (a copied tree, --output_base), `//...` would walk into this link.
link=bazel-$(basename "$PWD")
[[ -L $link ]] && rm -f "$link"

exec "${BAZEL:-/usr/bin/bazel}" "$@"
