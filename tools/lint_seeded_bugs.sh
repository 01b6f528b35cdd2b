#!/bin/bash
# The bugs of tests/seeded_bugs still fit the sources: `./dev soak` builds each of them.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
for patch in tests/seeded_bugs/*.patch; do
  git apply --check "$patch" || failed=1
done
exit $failed
