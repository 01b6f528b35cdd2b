"""How clients write down their histories, and how far they may run ahead (history_client.py)."""

import mmap
import pickle
import struct
import threading
import time


class Recorder:
    """Writes events, each with its time, from any thread."""

    def __init__(self, stream):
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, kind, *rest):
        # The time is taken where the order is made: answers came before it, questions come after.
        with self._lock:
            pickle.dump((kind, time.monotonic_ns(), *rest), self._stream, pickle.HIGHEST_PROTOCOL)

    def tick(self):
        self.write("tick")
        with self._lock:
            self._stream.flush()


class Pace:
    """How far the log was read: clients that are further ahead than they may be wait."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def index_max(self):
        return struct.unpack("<Q", self._map[:8])[0]
