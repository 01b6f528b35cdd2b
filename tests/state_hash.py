"""The state hash, a second time: an implementation that shares nothing with the server's.

Follows core/canonical.md (values to bytes) and core/state_tree.md (entries to the root hash).
"""

import hashlib
import math
import struct

VALUE_DEPTH_MAX = 24


def varint(number):
    """Unsigned LEB128, in its shortest form."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized_bytes(content):
    return varint(len(content)) + content


def value_bytes(value, depth=0):
    """The canonical encoding of a JSON value, as json.loads returns it.

    Raises ValueError for what has no encoding.
    """
    if value is None:
        return b"\x00"
    if isinstance(value, bool):
        return b"\x02" if value else b"\x01"
    if isinstance(value, (int, float)):
        return b"\x03" + _number_bytes(value)
    if isinstance(value, str):
        return b"\x04" + sized_bytes(value.encode("utf-8"))
    if not isinstance(value, (list, dict)):
        raise ValueError(f"not a JSON value: {type(value).__name__}")
    if depth == VALUE_DEPTH_MAX:
        raise ValueError(f"nested more than {VALUE_DEPTH_MAX} deep")
    if isinstance(value, list):
        items = [value_bytes(item, depth + 1) for item in value]
        return b"\x05" + varint(len(items)) + b"".join(items)
    members = sorted((key.encode("utf-8"), member) for key, member in value.items())
    return (
        b"\x06"
        + varint(len(members))
        + b"".join(sized_bytes(key) + value_bytes(member, depth + 1) for key, member in members)
    )


def _number_bytes(number):
    try:
        double = float(number)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double) or double != number:
        raise ValueError(f"not a double: {number!r}")
    return struct.pack(">d", double + 0.0)  # -0 + 0 is 0


def tree_hash(entries):
    """The root hash, 32 bytes, of the entries: (key, value) pairs of bytes, each key once."""
    leaves = sorted((_sha256(key), key, value) for key, value in entries)
    for (path, key, _), (next_path, _, _) in zip(leaves, leaves[1:]):
        if path == next_path:
            raise ValueError(f"twice the key {key!r}")
    if not leaves:
        return _sha256(b"\x02")
    return _subtree_hash(leaves, 0)


def _subtree_hash(leaves, depth):
    """`leaves`: (path, key, value) of all entries below a node, at least one."""
    if len(leaves) == 1:
        _, key, value = leaves[0]
        return _sha256(b"\x00" + sized_bytes(key) + value)
    below = {}
    for leaf in leaves:
        below.setdefault(_nibble(leaf[0], depth), []).append(leaf)
    bitmap = sum(1 << nibble for nibble in below)
    hashes = [_subtree_hash(below[nibble], depth + 1) for nibble in sorted(below)]
    return _sha256(b"\x01" + struct.pack(">H", bitmap) + b"".join(hashes))


def _nibble(path, depth):
    byte = path[depth // 2]
    return byte >> 4 if depth % 2 == 0 else byte & 0x0F


def _sha256(content):
    return hashlib.sha256(content).digest()
