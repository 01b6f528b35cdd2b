"""HTTP/2 by hand (RFC 9113 and 7541), so that a client can do what no library lets it do."""

import select
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9,
)  # fmt: skip
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW_SIZE = 4  # a setting
CANCEL = 8  # an error code


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    """A SETTINGS frame; of settings that matter here only the window has a name."""
    payload = b"".join(
        struct.pack(">HI", {"initial_window_size": INITIAL_WINDOW_SIZE}[name], value)
        for name, value in values.items()
    )
    return frame(SETTINGS, 0, 0, payload)


def _integer(value, prefix_bits, first=0):
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    encoded, value = [first | most], value - most
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes([*encoded, value])


def text(value):
    """A string literal of HPACK, without Huffman's code."""
    return _integer(len(value), 7) + value


def length_only(length):
    """The beginning of a string literal of so many bytes, which never come."""
    return _integer(length, 7)


def literal(name, value):
    """A header that enters no table."""
    return b"\x00" + text(name) + text(value)


def indexed_literal(name, value):
    """A header that enters the dynamic table."""
    return b"\x40" + text(name) + text(value)


def indexed(index):
    return _integer(index, 7, 0x80)


def call_headers(path):
    """The header block of a gRPC call."""
    return (
        b"\x83\x86"  # :method POST, :scheme http
        + b"\x04" + text(path.encode())
        + b"\x01" + text(b"localhost")
        + literal(b"te", b"trailers")
        + literal(b"content-type", b"application/grpc")
    )  # fmt: skip


def message(payload, length=None):
    """A gRPC message; `length` is what it says its size is."""
    return b"\x00" + struct.pack(">I", len(payload) if length is None else length) + payload


class Connection:
    """A connection with its preface sent. It is not read, unless it is told to drain."""

    def __init__(self, address, receive_bytes=None, **wanted):
        host, _, port = address.rpartition(":")
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(5)
        self.socket.connect((host, int(port)))
        self.socket.sendall(PREFACE + settings(**wanted))
        self.next_stream = 1
        self.received = 0

    def send(self, data):
        """False when the server takes it no more, or has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def stream(self):
        number, self.next_stream = self.next_stream, self.next_stream + 2
        return number

    def drain(self):
        """Reads and forgets what is there. False when the server has closed the connection."""
        while select.select([self.socket], [], [], 0)[0]:
            try:
                piece = self.socket.recv(1 << 16)
            except OSError:
                return False
            if not piece:
                return False
            self.received += len(piece)
        return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
