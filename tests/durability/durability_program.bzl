"""A program that a campaign runs in full, and a test runs in a small part."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_test")

def durability_program(name, test_args, deps):
    """The program NAME, of NAME.cc, for tests/soak/, and the test NAME_test.

    Args:
      name: the program's name.
      test_args: the flags that make a small part of it.
      deps: of both.
    """
    cc_binary(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        visibility = ["//tests/soak:__pkg__"],
        deps = deps,
    )
    cc_test(
        name = name + "_test",
        size = "medium",
        srcs = [name + ".cc"],
        args = test_args,
        deps = deps,
    )
