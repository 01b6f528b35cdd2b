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
FRAME_BYTES = 16_384
WINDOW_BYTES_FIRST = 65_535
IP_BIND_ADDRESS_NO_PORT = 24  # Linux; not in the module socket


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


def message(payload, length=None, compressed=False):
    """A gRPC message; `length` is what it says its size is."""
    says = len(payload) if length is None else length
    return bytes([compressed]) + struct.pack(">I", says) + payload


class Connection:
    """A connection with its preface sent. It is not read, unless it is told to drain."""

    def __init__(
        self, address, receive_bytes=None, source=None, tls=None, acknowledges=True, **wanted
    ):
        """From the address `source`, or any; with TLS as the context `tls` has it. gRPC holds a
        client to its limits on streams and headers only once it `acknowledges` them."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if source is not None:
            # The port is chosen when it connects, so that it may serve several connections.
            self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            self.socket.bind((source, 0))
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(5)
        self.socket.connect((host, int(port)))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        # A server that refuses the connection may be quicker.
        self.send(PREFACE + settings(**wanted))
        self.next_stream = 1
        self.received = 0
        # Bytes that the server takes: by stream, and 0 of all. Kept by learn() and send_data().
        self.window = {0: WINDOW_BYTES_FIRST}
        self._window_first = WINDOW_BYTES_FIRST
        self._unread = b""
        self._acknowledges = acknowledges
        # What learn() has heard: whether the server has begun to speak, and streams with an answer.
        self.heard_settings = False
        self.answered = set()

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

    def learn(self, seconds):
        """Takes in what the server says of its windows, after at most so many seconds. False when
        it has closed the connection."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return True
        try:
            piece = self.socket.recv(1 << 16)
        except OSError:
            return False
        self._unread += piece
        while len(self._unread) >= 9:
            length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + self._unread[:9])
            if len(self._unread) < 9 + length:
                break
            payload, self._unread = self._unread[9 : 9 + length], self._unread[9 + length :]
            self._heard(kind, flags, stream, payload)
        return bool(piece)

    def _heard(self, kind, flags, stream, payload):
        if kind == WINDOW_UPDATE:
            more = int.from_bytes(payload, "big")
            self.window[stream] = self.window.get(stream, self._window_first) + more
        elif kind == HEADERS:
            self.answered.add(stream)
        elif kind == SETTINGS and not flags & ACK:
            self.heard_settings = True
            for name, value in struct.iter_unpack(">HI", payload):
                if name == INITIAL_WINDOW_SIZE:
                    for each in self.window:
                        self.window[each] += (value - self._window_first) * (each != 0)
                    self._window_first = value
            if self._acknowledges:
                self.send(frame(SETTINGS, ACK, 0))

    def send_data(self, stream, data):
        """Sends what the server takes now of the data of a stream, at most one frame; returns how
        much that was."""
        mine = self.window.setdefault(stream, self._window_first)
        count = max(0, min(mine, self.window[0], len(data), FRAME_BYTES))
        if count == 0 or not self.send(frame(DATA, 0, stream, data[:count])):
            return 0
        self.window[stream] -= count
        self.window[0] -= count
        return count

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
