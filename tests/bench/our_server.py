"""A swooshd that is measured: its machine, its requests, and the check that it lost nothing."""

import wire_load
from swoosh.v1 import orchestrator_pb2
from swoosh_api import all_instances, create, register, request, send, submit
from swoosh_server import Server

SUBMIT = "/swoosh.v1.Orchestrator/Submit"
SUBMIT_STREAM = "/swoosh.v1.Orchestrator/SubmitStream"
TRANSITIONS_PER_PROPOSAL = 100
START_SECONDS_MAX = 120
CREATED_PER_PROPOSAL = 1_000
# Goes to and fro with each event, and counts them.
MACHINE = {
    "name": "worker",
    "context": {"count": 0},
    "root": {
        "id": "worker",
        "initial": ["idle"],
        "states": [
            {
                "id": here,
                "on": [
                    {
                        "event": "step",
                        "target": [there],
                        "actions": [
                            {"assign": {"location": "context.count", "value": "context.count + 1"}}
                        ],
                    }
                ],
            }
            for here, there in (("idle", "busy"), ("busy", "idle"))
        ],
    },
}


def steps(transitions):
    """Serialised proposals of so many events each, over all instances in turn."""
    ids = wire_load.instance_ids()
    texts = wire_load.payloads(wire_load.REQUESTS)
    made = [
        send(instance_id, "step", {"payload": text})
        for instance_id, text in zip(ids, texts, strict=True)
    ]
    return [
        request(*(made[(first + each) % len(made)] for each in range(transitions)))
        .SerializeToString()
        for first in range(0, len(made), transitions)
    ]


class OurServer(wire_load.DurableServer):
    """A swooshd over a store in `folder`. Check is by what each instance counted."""

    def __init__(self, folder):
        self._server = None
        self._folder = folder
        self._acknowledged = 0  # events
        self._number_max = 0  # the greatest index in an answer
        self.requests = wire_load.write_requests(folder / "requests", steps(1))
        self.requests_of_many = wire_load.write_requests(
            folder / "requests_of_many", steps(TRANSITIONS_PER_PROPOSAL)
        )
        self.request_bytes = len(steps(1)[0])
        self.reply_bytes = 0  # after create_instances()
        self.record_bytes = 0  # as stored; after create_instances()
        self.record_of_many_bytes = 0
        self._create_instances()

    @property
    def data_dir(self):
        return self._server.data_dir

    def _create_instances(self):
        self.start()
        stub = self._server.orchestrator
        submit(stub, register(MACHINE))
        ids = wire_load.instance_ids()
        for first in range(0, len(ids), CREATED_PER_PROPOSAL):
            some = ids[first : first + CREATED_PER_PROPOSAL]
            submit(stub, *(create(each, "worker") for each in some))
        self.reply_bytes, self.record_bytes = self._sizes(1)
        _, self.record_of_many_bytes = self._sizes(TRANSITIONS_PER_PROPOSAL)
        self.kill()

    def _sizes(self, transitions):
        """Bytes of the answer to a proposal, and of its record in the log: a byte for its format,
        and the message."""
        stub = self._server.orchestrator
        asked = orchestrator_pb2.SubmitRequest.FromString(steps(transitions)[0])
        answer = stub.Submit(asked)
        self._acknowledged += transitions
        self._number_max = answer.index
        wanted = orchestrator_pb2.ListRecordsRequest(from_index=answer.index, page_size=1)
        (record,) = stub.ListRecords(wanted).records
        return answer.ByteSize(), 1 + record.ByteSize()

    def start(self):
        if self._server is None:
            self._server = Server(
                data_dir=self._folder / "swoosh",
                start_seconds_max=START_SECONDS_MAX,
                low_ports=True,
            )
        else:
            self._server.start()

    def kill(self):
        self._server.kill()

    def check(self):
        stub = self._server.orchestrator
        index = stub.GetState(orchestrator_pb2.GetStateRequest()).index
        if index < self._number_max:
            raise wire_load.Broken(f"swooshd lost records: {index} of {self._number_max}")
        view = orchestrator_pb2.VIEW_CONTEXT
        counted = sum(int(each.context["count"]) for each in all_instances(stub, view=view))
        if counted < self._acknowledged:
            raise wire_load.Broken(f"swooshd lost events: {counted} of {self._acknowledged}")

    def load(self, in_flight, quick, stream=False, many=False, **flags):
        """Figures of a run, in proposals; to be called by run(). `many`: 100 events a proposal."""
        figures = wire_load.run_wire_load(
            self._server.grpc_address,
            SUBMIT_STREAM if stream else SUBMIT,
            self.requests_of_many if many else self.requests,
            in_flight,
            quick,
            stream,
            number_field=orchestrator_pb2.SubmitResponse.INDEX_FIELD_NUMBER,
            error_field=orchestrator_pb2.SubmitResponse.STATUS_FIELD_NUMBER,
            **flags,
        )
        self._acknowledged += figures["answered"] * (TRANSITIONS_PER_PROPOSAL if many else 1)
        self._number_max = max(self._number_max, figures["number_max"])
        return figures

    def measure(self, *arguments, **named):
        """load(), with a fresh start before it and a kill -9 behind it."""
        return self.run(lambda: self.load(*arguments, **named))
