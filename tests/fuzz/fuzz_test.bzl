"""Fuzz targets: a test with every compiler, and a libFuzzer program under --config=fuzz."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_test(name, deps, mutations = 20000, size = "small", **kwargs):
    """Builds NAME_fuzz.cc, which defines LLVMFuzzerTestOneInput, in two ways.

    NAME_fuzz_test, a cc_test, runs it over corpus/NAME/ and over random changes of those files.
    NAME_fuzzer is the same under libFuzzer; it needs --config=fuzz, and is built only by name.

    Args:
      name: what is fuzzed.
      deps: of NAME_fuzz.cc, besides :fuzz_target.
      mutations: how many changed inputs the test runs.
      size: the test's.
      **kwargs: for both.
    """
    corpus = native.glob(["corpus/" + name + "/*"])
    cc_library(
        name = name + "_fuzz",
        testonly = True,
        srcs = [name + "_fuzz.cc"],
        deps = deps + [":fuzz_target"],
        # libFuzzer's main() comes after it in the linker's order.
        alwayslink = True,
        **kwargs
    )
    cc_test(
        name = name + "_fuzz_test",
        size = size,
        args = ["--mutations=%d" % mutations] + ["$(location %s)" % each for each in corpus],
        data = corpus,
        deps = [
            ":mutation_main",
            ":" + name + "_fuzz",
        ],
        **kwargs
    )
    cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        linkopts = select(
            {":libfuzzer": ["-fsanitize=fuzzer"]},
            no_match_error = "a libFuzzer program needs --config=fuzz",
        ),
        tags = ["manual"],
        deps = [":" + name + "_fuzz"],
        **kwargs
    )
