#!/bin/bash
# Every check that needs no build. Prints a line a check and last `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=0

check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "passed: lint: $name"
    passed=$((passed + 1))
  else
    echo "$output"
    echo "failed: lint: $name"
    failed=$((failed + 1))
  fi
}

check "clang-format" tools/format.sh --check
check "layers" tools/lint_layers.sh
check "seeded bugs" tools/lint_seeded_bugs.sh
if reason=$(tools/install_npm_packages.sh); then
  check "buf" tools/lint_protos.sh
else
  echo "skipped: lint: buf: $reason"
fi

echo "$passed passed, $failed failed"
((failed == 0))
