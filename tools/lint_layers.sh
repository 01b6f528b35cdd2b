#!/bin/bash
# The house's arrows go one way: server -> storage -> core -> proto, cli -> core, proto.
# Bazel's visibility keeps it; this finds what visibility was widened for, and what needs no target.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/sources.sh

failures=0
complain() {
  echo "$1" >&2
  failures=$((failures + 1))
}

# Headers that core must not see: transport, storage, threads, clocks, files, chance and locale.
readonly IMPURE='["<](grpc|grpcpp|leveldb|prometheus)/|"(server|storage|cli|tests)/|\.grpc\.pb\.h"
"absl/(synchronization|random|flags)/|"absl/time/clock\.h"
<(thread|mutex|shared_mutex|condition_variable|future|stop_token|semaphore|latch|barrier)>
<(chrono|ctime|time\.h|sys/time\.h)>
<(fstream|iostream|filesystem|fcntl\.h|unistd\.h|sys/stat\.h|dirent\.h|sys/socket\.h|netdb\.h)>
<(random|locale|clocale|locale\.h)>'

check_core_includes() {
  local files found
  mapfile -t files < <(sources_with .h .cc | grep '^core/' | grep -vE '_(test|benchmark)\.(h|cc)$')
  ((${#files[@]} == 0)) && return 0
  found=$(grep -nE '^ *# *include' "${files[@]}" | grep -E -f <(echo "$IMPURE") || true)
  [[ -z $found ]] || complain "core is pure and may not include:"$'\n'"$found"
}

# What no target of a package may depend on, tests apart.
check_dependencies() {
  local package=$1 forbidden=$2 found
  [[ -f $package/BUILD.bazel ]] || return 0
  found=$(tools/bazel.sh query --noshow_progress --output=label "
      let code = kind('cc_(library|binary)', //$package/...) except attr(testonly, 1, //$package/...) in
      deps(\$code) intersect ($forbidden)" 2>.dev/lint_layers.log) || {
    complain "bazel query failed for //$package:"$'\n'"$(cat .dev/lint_layers.log)"
    return 0
  }
  [[ -z $found ]] || complain "//$package must not depend on:"$'\n'"$found"
}

# A thing without a home has the wrong name.
check_names() {
  local found
  found=$({
    sources_with .h .cc .py .sh .bzl .proto
    sources_with BUILD.bazel | xargs -r grep -hoE '^ *name = "[^"]+"' | sed -E 's/.*"([^"]+)"/\1/'
  } | grep -E '(^|/|_)(utils?|common|helpers?|misc)(_test)?(\.[a-z]+)?$' | sort -u || true)
  [[ -z $found ]] || complain "a name that says nothing (utils, common, helpers, misc):"$'\n'"$found"
}

# A package that exists, as a term of a query.
all_of() {
  if [[ -f $1/BUILD.bazel ]]; then echo "//$1/..."; else echo "set()"; fi
}

mkdir -p .dev
check_core_includes
check_names
check_dependencies core "$(all_of storage) + $(all_of server) + $(all_of cli) + set(//third_party:grpc
  //third_party:grpc_reflection //third_party:leveldb //third_party:http_parser
  //third_party:prometheus_cpp //proto:swoosh_cc_grpc)"
check_dependencies storage "$(all_of server) + $(all_of cli) + set(//third_party:grpc
  //proto:swoosh_cc_grpc)"
check_dependencies cli "$(all_of server) + $(all_of storage) + set(//third_party:leveldb)"
((failures == 0))
