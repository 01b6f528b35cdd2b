#!/bin/bash
# Runs the charts of npm's @scion-scxml/test-framework through the importer and a real server.
#
# Usage: conformance.sh [ARGUMENT...]
#   The arguments go to tests/conformance/scxml_conformance.py. The last line is JSON:
#   {"passed":N,"refused":N,"wrong":N}.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install_npm_packages.sh
tools/bazel.sh build --noshow_progress //server:swooshd //cli:swooshctl //proto:swoosh_py_proto
exec tests/conformance/scxml_conformance.py \
  --node_modules "$PWD/third_party/npm/node_modules" "$@"
