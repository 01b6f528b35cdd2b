#!/bin/sh
# Runs a Python test under Debian's interpreter, with the modules of this folder as Bazel laid them
# out: run_python_test.sh TEST.py [ARGUMENT...]
set -eu
PYTHONPATH=$(dirname "$0") exec /usr/bin/python3 -B -P "$@"
