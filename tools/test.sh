#!/bin/bash
# Builds and runs the tests with Bazel, and the lint, and counts them all.
#
# Usage: test.sh [BAZEL OPTION...] [TARGET PATTERN...]
#   --config=clang|asan|tsan|debug and other options go to Bazel; without a pattern: everything.
#   A test's log may have lines `skipped: NAME: REASON` and end in `N passed, N failed`.
#   Tests find the npm packages by SWOOSH_NODE and SWOOSH_NODE_MODULES; where they can't be installed
#   neither is set.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly EVENTS=.dev/test_events.json
mkdir -p .dev

options=()
patterns=()
sanitizer=false
for argument in "$@"; do
  case $argument in
    --config=asan | --config=tsan) sanitizer=true && options+=("$argument") ;;
    -*) options+=("$argument") ;;
    *) patterns+=("$argument") ;;
  esac
done

node_env=()
if tools/install_npm_packages.sh >.dev/npm_skipped; then
  node_env=("--test_env=SWOOSH_NODE=$(command -v node)"
    "--test_env=SWOOSH_NODE_MODULES=$PWD/third_party/npm/node_modules")
fi

passed=0
failed=0
# Prints a file without its last line, `N passed, N failed`, and adds that to the sums.
add_counts() {
  local summary
  summary=$(tail -n 1 "$1")
  if [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    head -n -1 "$1"
  else
    cat "$1"
    failed=$((failed + 1))
  fi
}

rm -f "$EVENTS"
status=0
tools/bazel.sh test --keep_going --build_event_json_file="$EVENTS" \
  "${node_env[@]}" "${options[@]}" -- "${patterns[@]:-//...}" || status=$?

echo
failed_before=$failed
if [[ -s $EVENTS ]] && tools/count_tests.py "$EVENTS" >.dev/test_counts.txt; then
  add_counts .dev/test_counts.txt
fi
# 4: the patterns hold no test. Anything else that is no success has to show as a failure.
if ((status != 0 && status != 4 && failed == failed_before)); then
  echo "failed: bazel test ended with $status"
  failed=$((failed + 1))
fi

if ! $sanitizer && ((${#patterns[@]} == 0)); then
  tools/lint.sh >.dev/lint.txt 2>&1 || true
  add_counts .dev/lint.txt
elif [[ -s .dev/npm_skipped ]]; then
  cat .dev/npm_skipped
fi

echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
