#!/bin/bash
# `buf lint` over proto/, offline: what it imports of google/rpc is copied beside it for the run.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly GOOGLEAPIS=/usr/share/gocode/src/github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis
case $(uname -m) in
  x86_64) buf=third_party/npm/node_modules/@bufbuild/buf-linux-x64/bin/buf ;;
  aarch64) buf=third_party/npm/node_modules/@bufbuild/buf-linux-aarch64/bin/buf ;;
  *) echo "there is no buf for $(uname -m)" >&2 && exit 1 ;;
esac
buf=$PWD/$buf

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/proto/google/rpc"
cp buf.yaml "$copy/"
cp -r proto/swoosh "$copy/proto/"
cp "$GOOGLEAPIS"/google/rpc/*.proto "$copy/proto/google/rpc/"
cd "$copy"
"$buf" lint --path proto/swoosh
