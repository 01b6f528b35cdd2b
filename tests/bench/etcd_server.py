"""An etcd of one member that is measured, and the few of its messages that takes.

The messages are made here, from the field numbers of etcd's rpc.proto and kv.proto (API version 3),
so that nothing of etcd but its server needs to be installed.
"""

import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import swoosh_server  # noqa: E402
import wire_load  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: E402

START_SECONDS_MAX = 60
CALL_SECONDS_MAX = 60
PUTS_PER_TXN = 100
PUT = "/etcdserverpb.KV/Put"
TXN = "/etcdserverpb.KV/Txn"
RANGE = "/etcdserverpb.KV/Range"
REVISION_FIELD = "1.3"  # of PutResponse and TxnResponse: header.revision
HEARTBEAT_MS = 20
ELECTION_MS = 200
QUOTA_BYTES = 8 * 1024**3

_FIELD = descriptor_pb2.FieldDescriptorProto
# {message: {field: (number, type, whether it is repeated)}}; a type that is a name is a message.
_MESSAGES = {
    "ResponseHeader": {"revision": (3, _FIELD.TYPE_INT64, False)},
    "KeyValue": {
        "key": (1, _FIELD.TYPE_BYTES, False),
        "version": (4, _FIELD.TYPE_INT64, False),
        "value": (5, _FIELD.TYPE_BYTES, False),
    },
    "RangeRequest": {
        "key": (1, _FIELD.TYPE_BYTES, False),
        "range_end": (2, _FIELD.TYPE_BYTES, False),
    },
    "RangeResponse": {
        "header": (1, "ResponseHeader", False),
        "kvs": (2, "KeyValue", True),
    },
    "PutRequest": {
        "key": (1, _FIELD.TYPE_BYTES, False),
        "value": (2, _FIELD.TYPE_BYTES, False),
    },
    "RequestOp": {"request_put": (2, "PutRequest", False)},
    "TxnRequest": {"success": (2, "RequestOp", True)},
}


def _message_classes():
    file = descriptor_pb2.FileDescriptorProto(
        name="swoosh_bench_etcd.proto", package="swoosh_bench_etcd", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type = _FIELD.TYPE_MESSAGE
                added.type_name = f".swoosh_bench_etcd.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {
        name: factory.GetPrototype(pool.FindMessageTypeByName(f"swoosh_bench_etcd.{name}"))
        for name in _MESSAGES
    }


MESSAGES = _message_classes()


def is_installed():
    return shutil.which("etcd") is not None


def puts(request_bytes):
    """One PutRequest for each instance of ours, each as long as our request for it."""
    made = []
    for key, text in zip(
        wire_load.instance_ids(), wire_load.payloads(wire_load.REQUESTS), strict=True
    ):
        put = MESSAGES["PutRequest"](key=key.encode(), value=text.encode())
        missing = request_bytes - put.ByteSize()
        put.value += b"x" * max(0, missing)
        put.value = put.value[: len(put.value) - max(0, put.ByteSize() - request_bytes)]
        made.append(put)
    return made


def txns(request_bytes):
    """The same puts, PUTS_PER_TXN a transaction."""
    made = puts(request_bytes)
    return [
        MESSAGES["TxnRequest"](
            success=[MESSAGES["RequestOp"](request_put=put) for put in made[at : at + PUTS_PER_TXN]]
        )
        for at in range(0, len(made), PUTS_PER_TXN)
    ]


class EtcdServer(wire_load.DurableServer):
    """An etcd over a store in `folder`. Check is by how often each key was put."""

    def __init__(self, folder, request_bytes):
        self._folder = folder
        self._folder.mkdir()
        self.address = swoosh_server.low_address()
        self._peer_address = swoosh_server.low_address()
        self._process = None
        self._acknowledged = 0  # puts
        self._revision_max = 0  # in an answer
        self.requests = wire_load.write_requests(
            folder / "requests", [each.SerializeToString() for each in puts(request_bytes)]
        )
        self.requests_of_many = wire_load.write_requests(
            folder / "requests_of_many", [each.SerializeToString() for each in txns(request_bytes)]
        )

    def start(self):
        settings = {
            "data-dir": self._folder / "data",
            "listen-client-urls": f"http://{self.address}",
            "advertise-client-urls": f"http://{self.address}",
            "listen-peer-urls": f"http://{self._peer_address}",
            "initial-advertise-peer-urls": f"http://{self._peer_address}",
            "initial-cluster": f"default=http://{self._peer_address}",
            "quota-backend-bytes": QUOTA_BYTES,
            "log-level": "error",
            # So that it leads itself soon; else a start takes a second more.
            "heartbeat-interval": HEARTBEAT_MS,
            "election-timeout": ELECTION_MS,
        }
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                swoosh_server.bound_to_us(
                    ["etcd", *(f"--{key}={value}" for key, value in settings.items())]
                ),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._serves():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise wire_load.Broken("etcd did not start")
            time.sleep(0.02)

    def _serves(self):
        host, _, port = self.address.partition(":")
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) != 0:
                return False
        self._range()  # waits until there is a leader
        return True

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _range(self):
        """All keys, as a linearizable read has them."""
        asked = MESSAGES["RangeRequest"](key=b"instance-", range_end=b"instance.")
        with swoosh_server.grpc.insecure_channel(
            self.address, options=swoosh_server.CHANNEL_OPTIONS
        ) as channel:
            call = channel.unary_unary(
                RANGE,
                request_serializer=MESSAGES["RangeRequest"].SerializeToString,
                response_deserializer=MESSAGES["RangeResponse"].FromString,
            )
            return call(asked, timeout=CALL_SECONDS_MAX, wait_for_ready=True)

    def check(self):
        found = self._range()
        if found.header.revision < self._revision_max:
            raise wire_load.Broken(
                f"etcd lost revisions: {found.header.revision} of {self._revision_max}"
            )
        count = sum(each.version for each in found.kvs)
        if count < self._acknowledged:
            raise wire_load.Broken(f"etcd lost puts: {count} of {self._acknowledged}")

    def load(self, in_flight, quick, many=False, **flags):
        """Figures of a run, in calls; to be called by run(). `many`: 100 puts a transaction."""
        figures = wire_load.run_wire_load(
            self.address,
            TXN if many else PUT,
            self.requests_of_many if many else self.requests,
            in_flight,
            quick,
            number_field=REVISION_FIELD,
            **flags,
        )
        self._acknowledged += figures["answered"] * (PUTS_PER_TXN if many else 1)
        self._revision_max = max(self._revision_max, figures["number_max"])
        return figures

    def measure(self, *arguments, **named):
        """load(), with a fresh start before it and a kill -9 behind it."""
        return self.run(lambda: self.load(*arguments, **named))
