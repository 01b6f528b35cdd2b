#!/bin/bash
# Runs every executable file of a folder: the campaigns of `./dev soak` and `./dev bench`.
#
# Usage: campaigns.sh FOLDER [ARGUMENT...]
#   A campaign is a script or program that prints JSON lines on stdout and exits 0 when it holds; the
#   arguments go to each. It finds the built programs by SWOOSHD and SWOOSHCTL, and other targets of
#   its folder in bazel-bin/FOLDER.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
shift

campaigns=()
if [[ -d $folder ]]; then
  mapfile -t campaigns < <(find "$folder" -maxdepth 1 -type f -executable ! -name '*_test*' |
    LC_ALL=C sort)
fi
if ((${#campaigns[@]} == 0)); then
  echo "no campaign yet: there is no executable file in $folder/" >&2
  exit 1
fi

targets=(//server:swooshd //cli:swooshctl)
[[ -f $folder/BUILD.bazel ]] && targets+=("//$folder/...")
tools/bazel.sh build --noshow_progress "${targets[@]}"
export SWOOSHD=$PWD/bazel-bin/server/swooshd
export SWOOSHCTL=$PWD/bazel-bin/cli/swooshctl

failed=()
for campaign in "${campaigns[@]}"; do
  echo "== $campaign" >&2
  "$campaign" "$@" || failed+=("$campaign")
done
if ((${#failed[@]} > 0)); then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
