#!/bin/sh
# Runs a Python test under Debian's interpreter, with the modules beside it as Bazel laid them out.
set -eu
PYTHONPATH=$(dirname "$1") exec /usr/bin/python3 -B -P "$1"
