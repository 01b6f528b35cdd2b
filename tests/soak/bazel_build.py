"""Builds programs in a configuration of their own, beside the one that bazel-bin leads to."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
BAZEL = ROOT / "tools/bazel.sh"


def build(package, names, options):
    """The folder with the programs `names` of a package."""
    # No convenience links: they would lead from bazel-bin to this configuration.
    options = [*options, "--symlink_prefix=/", "--noshow_progress"]
    labels = [f"//{package}:{name}" for name in names]
    subprocess.run([BAZEL, "build", *options, *labels], check=True, stdout=sys.stderr)
    info = [BAZEL, "info", *options, "bazel-bin"]
    folder = subprocess.run(info, check=True, stdout=subprocess.PIPE, text=True).stdout
    return pathlib.Path(folder.strip()) / package
