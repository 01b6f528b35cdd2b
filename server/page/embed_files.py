#!/usr/bin/python3
"""Writes files as C++ constants, compressed: embed_files.py OUTPUT.cc FILE...

A file NAME is served at /page/NAME, index.html at /. /page/packages.js is made here: it says which
files there are, since those of the npm packages may be missing. The same files give the same bytes.
"""

import gzip
import hashlib
import json
import pathlib
import sys

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
ETAG_DIGITS = 20
BYTES_IN_LINE = 64

HEAD = """// Made by embed_files.py.
#include "server/page/page_files.h"

namespace swoosh {
namespace {
"""
TAIL = """};

}  // namespace

absl::Span<const PageFile> PageFiles() { return kFiles; }

}  // namespace swoosh
"""


def literal(content):
    """Lines of string literals. Octal escapes end after three digits, whatever follows."""
    for begin in range(0, len(content), BYTES_IN_LINE):
        piece = content[begin : begin + BYTES_IN_LINE]
        yield '    "' + "".join(f"\\{byte:03o}" for byte in piece) + '"'


def main():
    output, *sources = map(pathlib.Path, sys.argv[1:])
    files = {source.name: source.read_bytes() for source in sources}
    names = json.dumps(sorted(files))
    files["packages.js"] = f"// The files of this page.\nexport const files = {names};\n".encode()
    lines = [HEAD]
    entries = []
    for number, (name, content) in enumerate(sorted(files.items())):
        path = "/" if name == "index.html" else f"/page/{name}"
        kind = TYPES[pathlib.Path(name).suffix]
        etag = hashlib.sha256(content).hexdigest()[:ETAG_DIGITS]
        packed = gzip.compress(content, 9, mtime=0)
        lines.append(f"constexpr char kContent{number}[] =")
        lines.append("\n".join(literal(packed)) + ";")
        entries.append(
            f'    {{"{path}", "{kind}", "{etag}", {{kContent{number}, {len(packed)}}}, '
            f"{len(content)}}},"
        )
    lines += ["", "constexpr PageFile kFiles[] = {", *entries, TAIL]
    output.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
