"""Stands in for rules_cc: Bazel 4.2 has these rules built in, and Debian's rules_cc needs a newer Bazel."""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
