#!/bin/sh
# Runs a Python test under Debian's interpreter, with the modules of tests/ and of its own folder as
# Bazel laid them out: run_python_test.sh TEST.py [ARGUMENT...]
set -eu
PYTHONPATH=tests:$(dirname "$1") exec /usr/bin/python3 -B -P "$@"
