"""Tests in Python, run as they are by Debian's interpreter."""

def python_test(name, data = [], size = "medium", **kwargs):
    """Runs NAME.py, with the Python modules among `data` of tests/ and of its own folder in its path.

    Args:
      name: the target's name, and with .py the script's.
      data: what it needs at run time.
      size: as usual; a medium test may take 5 minutes.
      **kwargs: as for sh_test.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tests:run_python_test.sh"],
        args = ["$(location {}.py)".format(name)],
        data = [name + ".py", "//tests:test_main.py"] + data,
        **kwargs
    )
