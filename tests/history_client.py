"""Clients that write down their histories: history_client.py ADDRESS NUMBER SEED PACE KIND...

One process with a client of each KIND, `unary`, `stream`, `reader` or `watcher`. Each event goes to
stdout as a pickle, in the order of its time; checked_run.py reads them. The clients stop, once all
that they asked is answered, when stdin is closed; PACE is a file of 8 bytes that tells how far they
may run ahead.
"""

import collections
import hashlib
import sys
import threading
import time

import grpc
import ledger
import swoosh_server
from history_choices import Asked, Choices
from history_recorder import Pace, Recorder
from history_types import Accepted, Listed, State, WatchFilter
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import Refusal

PIPELINE_MAX = 16  # requests of a streaming client that are not answered yet
ANSWER_SECONDS_MAX = 60
# Some calls get so little time that their answers are lost, and they are sent again in doubt.
HASTY_SECONDS = (0.0005, 0.004)
HASTY_PART = 0.02
REPEATED_PART = 0.02
VALIDATED_PART = 0.04  # of what is sent: to be validated only
SENT_AFTERWARDS_PART = 0.5  # of what would be carried out: sent again, to be carried out
REPEATED_RECORDS_MAX = 100  # how old, at most, a request is that is sent again
PACE_WAIT_SECONDS = 0.005
RETRY_SECONDS = 0.002
TICK_SECONDS = 0.02
PAGE_SIZES = (2, 5, 1000)
WATCH_SECONDS_MAX = 5
# What may be sent again: while a server dies or comes up a call may end with any of these.
BROKEN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNKNOWN,
)
# Of those, the reasons that say that it was not applied.
NOT_APPLIED = ("RECOVERING", "DRAINING", "FENCED", "NOT_APPLIED", "QUEUE_FULL", "DISK_NEARLY_FULL")
VIEW = orchestrator_pb2.VIEW_CONTEXT


def is_final(refusal):
    """Whether it need not be sent again. Without an answer of its external guard a proposal may be
    refused for long."""
    return refusal.code not in BROKEN or refusal.reason == "GUARD_UNANSWERED"


def hlc_of(message):
    return (message.time.seconds * 1_000_000 + message.time.nanos // 1000, message.counter)


def digest_of(change):
    """A watch sends the changes of the record, so the same bytes when serialised in one way."""
    content = change.SerializeToString(deterministic=True)
    return hashlib.blake2b(content, digest_size=8).digest()


class Client(threading.Thread):
    """What all kinds have in common. `index` is the newest that this client knows."""

    def __init__(self, name, number, address, seed, pace, recorder, stopping):
        super().__init__(daemon=True, name=name)
        self.choices = Choices(name, seed)
        self.number = number
        self.index = 0
        self._address = address
        self._pace = pace
        self._recorder = recorder
        self._write = recorder.write
        self._stopping = stopping
        self._operation = 0
        self._recent = collections.deque(maxlen=200)  # (index, an Asked)
        self._validated = None  # an Asked that would be carried out, to be sent again

    def run(self):
        try:
            with grpc.insecure_channel(
                self._address, options=swoosh_server.CHANNEL_OPTIONS
            ) as channel:
                self.work(orchestrator_pb2_grpc.OrchestratorStub(channel))
        except Exception as error:  # whatever it was, the run has failed
            self._write("failed", self.name, repr(error))

    def may_go_on(self):
        while self.index > self._pace.index_max():
            if self._stopping.wait(PACE_WAIT_SECONDS):
                return False
        return not self._stopping.is_set()

    def next_key(self):
        self._operation += 1
        return (self.name, self._operation)

    def next_request(self):
        """An Asked: mostly new, sometimes one that was accepted or validated a while ago."""
        dice = self.choices.random
        if self._validated is not None:
            asked, self._validated = self._validated, None
            return asked
        if self._recent and dice.random() < REPEATED_PART:
            index, asked = dice.choice(self._recent)
            if self.index - index < REPEATED_RECORDS_MAX:
                return asked
        request_id = self.choices.request_id()
        transitions = self.choices.transitions(request_id)
        return Asked(request_id, transitions, dice.random() < VALIDATED_PART)

    def message(self, asked):
        return orchestrator_pb2.SubmitRequest(
            request_id=asked.request_id,
            transitions=[ledger.transition_message(each) for each in asked.transitions],
            view=VIEW,
            validate_only=asked.validate_only,
        )

    def write_ask(self, key, asked, stream):
        if asked.validate_only:
            self._write("validate", key, asked.request_id, asked.transitions)
        else:
            self._write("ask", key, asked.request_id, asked.transitions, stream)

    def write_doubt(self, key, asked, *in_order):
        if not asked.validate_only:  # it is asked again, and nothing came of it
            self._write("doubt", key, *in_order)

    def take(self, key, asked, answer):
        """An accepted proposal's answer."""
        results = ()
        if not answer.duplicate:
            results = tuple(
                ledger.instance_of(each.instance) if each.HasField("instance") else None
                for each in answer.results
            )
        if asked.validate_only:
            if self.choices.random.random() < SENT_AFTERWARDS_PART:
                self._validated = asked._replace(validate_only=False)
        elif not answer.duplicate:
            for each, instance in zip(asked.transitions, results):
                self.choices.learn(each[1], instance)
            self._recent.append((answer.index, asked))
        self.index = max(self.index, answer.index)
        self._write(
            "validated" if asked.validate_only else "accept",
            key,
            Accepted(
                answer.index, answer.record_hash, hlc_of(answer.hlc), answer.duplicate, results
            ),
        )

    def take_refusal(self, key, asked, refusal):
        """Of a refusal that is final. Forgets what it took for true, in order to learn."""
        refused = ledger.refused_of(refusal)
        self._write("refuse_validation" if asked.validate_only else "refuse", key, refused)
        if refused.reason in ("INSTANCE_NOT_FOUND", "INSTANCE_EXISTS", "INSTANCE_NOT_RUNNING"):
            for each in asked.transitions:
                self.choices.learn(each[1], None)

    def work(self, stub):
        raise NotImplementedError


class UnaryClient(Client):
    """Proposals and reads, one at a time."""

    READS_PART = 0.3

    def work(self, stub):
        while self.may_go_on():
            if self.choices.random.random() < self.READS_PART:
                self.read(stub)
            else:
                self.submit(stub)

    def timeout(self):
        dice = self.choices.random
        return dice.uniform(*HASTY_SECONDS) if dice.random() < HASTY_PART else ANSWER_SECONDS_MAX

    def submit(self, stub):
        key = self.next_key()
        asked = self.next_request()
        message = self.message(asked)
        self.write_ask(key, asked, None)
        timeout = self.timeout()
        while True:
            try:
                answer = stub.Submit(message, wait_for_ready=True, timeout=timeout)
                return self.take(key, asked, answer)
            except grpc.RpcError as error:
                refusal = Refusal.of_error(error)
            if is_final(refusal):
                return self.take_refusal(key, asked, refusal)
            if refusal.reason not in NOT_APPLIED:
                self.write_doubt(key, asked)
            timeout = ANSWER_SECONDS_MAX
            time.sleep(RETRY_SECONDS)

    def read(self, stub):
        key = self.next_key()
        query = self.choices.query(self.index)
        self._write("read", key, query)
        try:
            answer = self.ask(stub, query)
        except grpc.RpcError as error:
            refusal = Refusal.of_error(error)
            if refusal.code in BROKEN or refusal.reason == "INDEX_TRIMMED":
                self._write("give_up", key)
                time.sleep(RETRY_SECONDS)
                return
            if refusal.reason not in ("INSTANCE_NOT_FOUND", "PAGE_EXPIRED"):
                raise
            if refusal.reason == "PAGE_EXPIRED":
                return self._write("give_up", key)
            answer = None
        self._write("answer_read", key, answer)

    def ask(self, stub, query):
        if query[0] == "state":
            state = stub.GetState(
                orchestrator_pb2.GetStateRequest(), wait_for_ready=True, timeout=ANSWER_SECONDS_MAX
            )
            self.index = max(self.index, state.index)
            return State(state.index, state.state_hash, state.instance_count)
        if query[0] == "list":
            return self.list(stub, query[1])
        past = query[2] if query[0] == "instance_at" else 0
        instance = ledger.instance_of(
            stub.GetInstance(
                orchestrator_pb2.GetInstanceRequest(
                    instance_id=query[1], at_index=past, view=VIEW
                ),
                wait_for_ready=True,
                timeout=ANSWER_SECONDS_MAX,
            )
        )
        if not past:
            self.choices.learn(query[1], instance)
        return instance

    def list(self, stub, prefix):
        found = {}
        asked = orchestrator_pb2.ListInstancesRequest(
            id_prefix=prefix, view=VIEW, page_size=self.choices.random.choice(PAGE_SIZES)
        )
        while True:
            page = stub.ListInstances(asked, wait_for_ready=True, timeout=ANSWER_SECONDS_MAX)
            found |= {each.id: ledger.instance_of(each) for each in page.instances}
            if not page.next_page_token:
                return Listed(page.index, found)
            asked.page_token = page.next_page_token


class ReaderClient(UnaryClient):
    READS_PART = 0.95


class StreamClient(Client):
    """Proposals on a stream, up to PIPELINE_MAX of them in flight."""

    def work(self, stub):
        unanswered = collections.deque()  # (key, asked)
        while unanswered or not self._stopping.is_set():
            try:
                self.stream_once(stub, unanswered)
            except grpc.RpcError as error:
                if error.code() not in BROKEN:
                    raise
                self.doubt(unanswered, True)

    def doubt(self, unanswered, in_order):
        for key, asked in unanswered:
            self.write_doubt(key, asked, in_order)
        time.sleep(RETRY_SECONDS)

    def stream_once(self, stub, unanswered):
        """Sends again, in order, what is not answered, then new requests, until it breaks."""
        room = threading.Semaphore(PIPELINE_MAX - len(unanswered))
        again = [asked for _, asked in unanswered]
        broken = threading.Event()
        lock = threading.Lock()  # gRPC draws requests on a thread that may outlive the stream

        def requests():
            for asked in again:
                yield self.message(asked)
            while not broken.is_set() and self.may_go_on():
                if not room.acquire(timeout=0.1):
                    continue
                with lock:
                    if broken.is_set():
                        return
                    asked = self.next_request()
                    key = self.next_key()
                    self.write_ask(key, asked, self.name)
                    unanswered.append((key, asked))
                yield self.message(asked)

        refused = False
        answers = stub.SubmitStream(requests(), wait_for_ready=True)
        try:
            for answer in answers:
                key, asked = unanswered[0]
                if answer.HasField("status"):
                    refusal = Refusal.of_status(answer.status)
                    if not is_final(refusal):
                        refused = True
                        break
                    self.take_refusal(key, asked, refusal)
                else:
                    self.take(key, asked, answer)
                unanswered.popleft()
                room.release()
        finally:
            with lock:
                broken.set()
            answers.cancel()
        if refused:  # the ones after it may be carried out all the same
            self.doubt(unanswered, False)


class WatchClient(Client):
    """A watch, resumed where it broke; of another filter each time that it begins anew."""

    def work(self, stub):
        while not self._stopping.is_set():
            self.begin(stub)

    def choose_filter(self):
        dice = self.choices.random
        sort = dice.random()
        if sort < 0.4:
            return WatchFilter()
        if sort < 0.7:
            return WatchFilter(ids=frozenset(dice.sample(self.choices.shared, 2)))
        return WatchFilter(states=frozenset({"closed"}))

    def begin(self, stub):
        """One watch with its resumptions, for a while."""
        key = self.next_key()
        chosen = self.choose_filter()
        initial = not chosen.states and self.choices.random.random() < 0.5
        end = time.monotonic() + self.choices.random.uniform(0.2, WATCH_SECONDS_MAX)
        resume = (0, "")
        while not self._stopping.is_set() and time.monotonic() < end:
            if resume[0] == 0:
                self._write("watch", key, chosen, 0)
            try:
                for resume in self.responses(stub, key, chosen, initial, resume):
                    if self._stopping.is_set() or time.monotonic() > end:
                        break
            except grpc.RpcError as error:
                refusal = Refusal.of_error(error)
                if refusal.reason == "INDEX_AHEAD":
                    self._write("watch_ahead", key)
                if refusal.code not in BROKEN:  # trimmed, or the server is wrong about its end
                    return
                time.sleep(RETRY_SECONDS)

    def responses(self, stub, key, chosen, initial, resume):
        """Yields from where to resume, after each response."""
        from_index, history_id = resume
        call = stub.Watch(
            orchestrator_pb2.WatchRequest(
                from_index=from_index,
                history_id=history_id,
                initial=initial and from_index == 0,
                instance_ids=sorted(chosen.ids),
                states=sorted(chosen.states),
            ),
            wait_for_ready=True,
        )
        try:
            awaits_initial = initial and from_index == 0
            for response in call:
                if awaits_initial:
                    instances = {each.id: ledger.instance_of(each) for each in response.initial}
                    awaits_initial = not response.initial_complete
                    self._write(
                        "watch_initial", key, response.index, instances, not awaits_initial
                    )
                    if not awaits_initial:
                        yield response.index + 1, response.history_id
                    continue
                self._write(
                    "watch_sent", key, response.index, tuple(map(digest_of, response.changes))
                )
                yield response.index + 1, response.history_id
        finally:
            call.cancel()


KINDS = {
    "unary": UnaryClient,
    "stream": StreamClient,
    "reader": ReaderClient,
    "watcher": WatchClient,
}


def main():
    address, number, seed, pace_path, *kinds = sys.argv[1:]
    recorder = Recorder(sys.stdout.buffer)
    stopping = threading.Event()
    clients = [
        KINDS[kind](
            f"{number}.{place}", int(number), address, seed, Pace(pace_path), recorder, stopping
        )
        for place, kind in enumerate(kinds)
    ]
    for client in clients:
        client.start()
    waiter = threading.Thread(target=lambda: (sys.stdin.buffer.read(), stopping.set()), daemon=True)
    waiter.start()
    while any(client.is_alive() for client in clients):
        recorder.tick()
        time.sleep(TICK_SECONDS)
    recorder.write("end")
    recorder.tick()


if __name__ == "__main__":
    main()
