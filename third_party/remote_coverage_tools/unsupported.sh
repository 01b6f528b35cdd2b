#!/bin/bash
echo "bazel coverage is not supported here; use gcovr or llvm-cov" >&2
exit 1
