"""Targets for libraries that the system has: nothing to compile, only to link."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def system_library(name, libs = [], linkopts = [], **kwargs):
    """A library installed in the system's default paths.

    Args:
      name: the target's name.
      libs: names as the linker's -l takes them, dependents before what they depend on.
      linkopts: further linker options.
      **kwargs: attributes of cc_library.
    """
    cc_library(
        name = name,
        linkopts = ["-l" + lib for lib in libs] + linkopts,
        **kwargs
    )
