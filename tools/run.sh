#!/bin/bash
# Builds SWOOSH, feeds a server the examples, kills it, shows that nothing was lost, and serves on.
#
# The addresses and the data directory are swooshd's own defaults; its environment variables
# (SWOOSH_LISTEN_ADDR, SWOOSH_HTTP_ADDR, SWOOSH_DATA_DIR) work here too.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWOOSHD=bazel-bin/server/swooshd
readonly SWOOSHCTL=bazel-bin/cli/swooshctl
readonly SERVING_TIMEOUT_S=300 # a long log may have to be replayed
readonly DRAIN_TIMEOUT_S=60

data_dir=${SWOOSH_DATA_DIR:-./swoosh-data}
work=$(mktemp -d)
server_log=$work/swooshd.log
server_pid=
grpc_address=
http_address=
index=
state_hash=

# ---------------------------------------------------------------- the server process

# Starts swooshd in the background and waits for its `serving` line; sets server_pid, grpc_address,
# http_address, index and state_hash. It has a session of its own, so that Ctrl-C reaches this script
# alone, and it is told to drain when this script dies, however that happens.
start_server() {
  : >"$work/stdout"
  setsid setpriv --pdeathsig TERM "$SWOOSHD" >"$work/stdout" 2>>"$server_log" &
  server_pid=$!
  local deadline=$((SECONDS + SERVING_TIMEOUT_S)) line
  until line=$(grep -m1 '^serving ' "$work/stdout"); do
    if ! kill -0 "$server_pid" 2>/dev/null; then
      fail "swooshd ended before it was serving"
    fi
    ((SECONDS < deadline)) || fail "swooshd is not serving after $SERVING_TIMEOUT_S s"
    sleep 0.05
  done
  if [[ ! $line =~ ^serving\ grpc=([^ ]+)\ http=([^ ]+)\ index=([0-9]+)\ state_hash=([0-9a-f]+)$ ]]; then
    fail "not understood: $line"
  fi
  grpc_address=${BASH_REMATCH[1]}
  http_address=${BASH_REMATCH[2]}
  index=${BASH_REMATCH[3]}
  state_hash=${BASH_REMATCH[4]}
  export SWOOSH_SERVER=$grpc_address
}

kill_server() {
  kill -KILL "$server_pid"
  # bash would report the kill on stderr.
  { wait "$server_pid" || true; } 2>/dev/null
  server_pid=
}

# Asks the server to drain and waits for it; answers its exit code.
drain_server() {
  local pid=$server_pid status=0
  [[ -n $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || true
  local deadline=$((SECONDS + DRAIN_TIMEOUT_S))
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS >= deadline)); then
      echo "swooshd did not end within $DRAIN_TIMEOUT_S s: killed" >&2
      kill -KILL "$pid" 2>/dev/null || true
      break
    fi
    sleep 0.05
  done
  { wait "$pid" || status=$?; } 2>/dev/null
  server_pid=
  return "$status"
}

fail() {
  echo "FAILED: $1" >&2
  if [[ -s $server_log ]]; then
    echo "The end of its log:" >&2
    tail -n 20 "$server_log" >&2
  fi
  exit 1
}

cleanup() {
  trap '' INT TERM HUP
  drain_server || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---------------------------------------------------------------- the examples

register_machines() {
  local file
  for file in examples/machines/*.json examples/machines/*.yaml examples/incident_desk/machine.json; do
    [[ -f $file ]] || continue
    "$SWOOSHCTL" machine put "$file" >"$work/put" 2>&1 || fail "swooshctl machine put $file: $(<"$work/put")"
    echo "  $file"
  done
}

# The first batch: a help desk's log as proposals. Some of its events are denied, as they should be.
submit_events() {
  examples/incident_desk/convert.py examples/incident_desk/sample.xes --output "$work/desk.jsonl"
  "$SWOOSHCTL" submit --file "$work/desk.jsonl"
}

# Prints `INDEX STATE_HASH`, as the API answers them.
read_state() {
  "$SWOOSHCTL" state -o json | /usr/bin/python3 -c '
import base64, json, sys
state = json.load(sys.stdin)
print(state.get("index", "0"), base64.b64decode(state["stateHash"]).hex())'
}

# ---------------------------------------------------------------- the story

echo "Building..."
tools/bazel.sh build --noshow_progress --ui_event_filters=-info,-stdout //server:swooshd //cli:swooshctl

start_server
echo "swooshd keeps its data in $data_dir and listens on $grpc_address."
if ((index == 0)); then
  echo "The store is new. Registering the example machines:"
  register_machines
  echo "Submitting the incident desk's sample log:"
  submit_events || fail "swooshctl submit"
else
  echo "The store is from an earlier run and holds $index records: nothing is submitted to it."
fi

before=$(read_state) || fail "swooshctl state"
echo
echo "before kill -9:     index ${before% *}  state hash ${before#* }"
kill_server
start_server
after=$(read_state) || fail "swooshctl state"
echo "after the restart:  index ${after% *}  state hash ${after#* }"
if [[ $before != "$after" || "$index $state_hash" != "$after" ]]; then
  fail "the state after the restart is not the one before it"
fi
echo "Every acknowledged record was there, and replaying them gave exactly the same state."

cat <<STORY

serving grpc=$grpc_address http=$http_address index=$index state_hash=$state_hash
From another terminal:
  $SWOOSHCTL list
  $SWOOSHCTL watch
  curl http://$http_address/v1/state
  curl http://$http_address/metrics
In a browser: http://$http_address/
Ctrl-C drains the server and ends it.
STORY

trap 'drain_server; exit' INT TERM HUP
status=0
wait "$server_pid" || status=$?
server_pid=
fail "swooshd ended by itself with exit code $status"
