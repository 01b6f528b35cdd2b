"""Decides whether what clients saw is what one correct, durable server can have shown them.

Its input is a history: what each client asked and what it was answered, with the times of one
monotonic clock, and the log as it was read back. Its output is a list of violations, by kind.

What has to hold, and the kind that names where it does not:

  LOST              acknowledged, and the log has no such record, or another one, at that index
  APPLIED_TWICE     a request_id in two records
  WRONG_REPEAT      a repeated request is not answered with its first record
  REFUSED_YET_THERE refused, never in doubt, and in the log all the same
  UNASKED           a record that no client asked for
  REORDERED         A was answered before B was asked, or before it on a stream, and B's record
                    does not come after A's
  WRONG_ANSWER      an answer shows another outcome than its record has
  WRONG_CHANGE      a record's changes are not what the specification makes of its transitions
  STALE_READ        a read shows a state older than what was known when it was asked
  STALE_REFUSAL     the same for a refusal
  WRONG_READ        a read shows what no state of the log is: invented, or seen and gone
  WRONG_REFUSAL     a refusal that no state of the log justifies: judged by what is gone
  SEEN_AND_GONE     an index was shown, and the log does not reach it any more
  LOG_GAP           indexes of records that do not follow each other
  LOG_FORK          a record that does not hold the hash of the one seen before it
  CLOCK_BACK        a record's time is not after that of the one before it
  STATE_HASH        two who saw the state of an index saw different hashes, or this program, which
                    makes the state and its hash itself (ledger.py, state_hash.py), makes another
  WATCH_GAP         a watch left out a record that matches
  WATCH_REPEAT      a watch sent a record again, or went back
  WATCH_WRONG       a watch sent other changes than the record has
  TRIMMED_TOO_FAR   the log begins after what the request window or a kept snapshot needs

How linearizability is decided. In general that is a search over all orders (Wing and Gong, "Testing
and verifying concurrent objects", 1993; Lowe, "Testing for linearizability", 2017; porcupine does
it for key-value stores, and etcd's robustness tests use porcupine and then check each watch against
what was persisted, as is done here). No search is needed here, because the log says in which order
writes took effect. It is left to place reads and refusals between them. Each gets the lowest index
that its answer fits and that is not below its floor: the highest index placed for anything that was
answered before it was asked. The lowest is always the best choice, since a placement only ever
raises the floors of what comes later; so if a history can be placed at all, it is placed so, in one
pass over it in the order of time. An answer that never came leaves its operation open: it may take
effect at any time after it was asked, or not at all, and never counts as failed.

"Visible is durable" follows from the same pass: what a read, a refusal or a watch showed must fit
the log as it is after all crashes. A refusal tells its version or its count (ledger.py), so what is
lost and made anew with other content does not fit.

It is streaming: records and events are forgotten once nothing open can need them. What grows is a
set of the request_ids that were applied, some 100 bytes each.
"""

import bisect
import collections
import dataclasses
from typing import NamedTuple

import ledger
import state_entries
import state_hash

# Records that are kept for repeats of requests and for slow watches.
RECORDS_KEPT = 20_000
# The second implementation of the state hash costs milliseconds.
HASHED_EVERY_RECORDS = 250
VIOLATIONS_KEPT = 20
NAMESPACE = "default"


class Violation(NamedTuple):
    kind: str
    message: str


class Record(NamedTuple):
    """A record of the log, as the checker needs it."""

    index: int
    hash: bytes
    previous_hash: bytes
    hlc: tuple  # (microseconds, counter)
    request_id: str
    transitions: tuple  # of ledger.py
    changes: tuple  # of ledger.change_of
    watched: tuple  # of each change: (instance id, states before and after, digest of its bytes)
    state_hash: bytes  # empty where the record has none


class Accepted(NamedTuple):
    index: int
    hash: bytes
    hlc: tuple
    duplicate: bool
    results: tuple  # of each transition: a ledger.Instance, or None; () where not looked at


class Listed(NamedTuple):
    index: int
    instances: dict  # id -> ledger.Instance


class State(NamedTuple):
    index: int
    hash: bytes
    instance_count: int


class WatchFilter(NamedTuple):
    ids: frozenset = frozenset()
    states: frozenset = frozenset()

    def matches(self, watched):
        instance_id, states, _ = watched
        return (not self.ids or instance_id in self.ids) and (
            not self.states or not self.states.isdisjoint(states)
        )


@dataclasses.dataclass(slots=True)
class _Operation:
    floor: int
    what: tuple  # (request id, transitions), or a query
    in_doubt: bool = False  # an attempt ended without an answer, and another was made
    stream: tuple | None = None


@dataclasses.dataclass(slots=True)
class _Stream:
    """The highest index placed for what was sent on a stream before: `fresh` for what is carried
    out after it, `firm` for what may have been carried out by an earlier attempt too. (What was
    refused in an earlier attempt leaves no trace, and may succeed in a later one, after what had
    come behind it.)"""

    firm: int = 0
    fresh: int = 0


@dataclasses.dataclass(slots=True)
class _Watch:
    filter: WatchFilter
    floor: int
    next: int | None  # the next index that it may send; None: not known yet
    initial: dict = dataclasses.field(default_factory=dict)


class Timeline:
    """One instance over the indexes."""

    __slots__ = ("_indexes", "_instances")

    def __init__(self):
        self._indexes = [0]
        self._instances = [None]

    def add(self, index, instance):
        self._indexes.append(index)
        self._instances.append(instance)

    def at(self, index):
        return self._instances[bisect.bisect_right(self._indexes, index) - 1]

    def newest(self):
        return self._instances[-1]

    def changes_after(self, index):
        return self._indexes[bisect.bisect_right(self._indexes, index) :]

    def oldest(self):
        return self._indexes[0]

    def forget_before(self, index):
        """Forgets what lies before the state at `index`."""
        place = max(0, bisect.bisect_right(self._indexes, index) - 1)
        del self._indexes[:place]
        del self._instances[:place]


class Checker:
    """Feed it the log by `add_record`, and events in the order of their times.

    An answer may be fed only once the log was read as far as it was when the answer came, or
    further. Operations are named by any hashable key. Not thread-safe.
    """

    def __init__(self, history_id_hash=None, machine=None):
        """`history_id_hash`: what record 1 must hold as the hash before it; None: any.
        `machine`: the registered ledger, as the server answers it, to make state hashes."""
        self.violations = []  # the first VIOLATIONS_KEPT
        self.counts = collections.Counter()  # of violations, by kind
        self.seen = collections.Counter()  # of what was checked, by sort
        self.log_end = 0
        self.frontier = 0  # the highest index placed for what was answered
        self._last_hash = history_id_hash
        self._last_hlc = (0, 0)
        self._machine = machine
        self._hashed_index = 0
        self._records = collections.deque()  # the newest ones
        self._timelines = {}
        self._applied = set()
        self._indexes = {}  # request id -> index, of the kept records
        self._asked = {}  # request id -> its operation, until its record is settled
        self._answered = {}  # request id -> index, of kept records
        self._unasked = collections.deque()  # (index, request id) not matched to a request yet
        self._open = {}
        self._streams = {}  # stream -> _Stream
        self._watches = {}

    def report(self, kind, message):
        self.counts[kind] += 1
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(Violation(kind, message))

    @property
    def violation_count(self):
        return self.counts.total()

    # ------------------------------------------------------------ the log

    def add_record(self, record):
        """The record after the newest; False where it is not."""
        if record.index != self.log_end + 1:
            self.report("LOG_GAP", f"record {record.index} follows record {self.log_end}")
            return False
        if self._last_hash is not None and record.previous_hash != self._last_hash:
            self.report("LOG_FORK", f"record {record.index} does not follow the one seen before it")
        if record.hlc <= self._last_hlc:
            self.report(
                "CLOCK_BACK", f"record {record.index} is of {record.hlc}, after {self._last_hlc}"
            )
        self._last_hash = record.hash
        self._last_hlc = record.hlc
        self.log_end = record.index
        self.seen["records"] += 1
        self._note_request(record)
        self._note_changes(record)
        self._records.append(record)
        if record.state_hash and (
            record.index - self._hashed_index >= HASHED_EVERY_RECORDS or self._hashed_index == 0
        ):
            self.check_state_hash()
        return True

    def _note_request(self, record):
        if record.request_id in self._applied:
            self.report(
                "APPLIED_TWICE", f"{record.request_id}: applied before, and by {record.index}"
            )
        if record.request_id:
            self._applied.add(record.request_id)
            self._indexes[record.request_id] = record.index
        self._unasked.append((record.index, record.request_id))

    def _note_changes(self, record):
        expected = ledger.apply(self._newest, record.transitions, record.index)
        if isinstance(expected, ledger.Refused):
            self.report("WRONG_CHANGE", f"record {record.index} had to be refused: {expected}")
            changes = ()
        else:
            changes = tuple(map(ledger.expected_change, expected.changes))
        if changes != record.changes:
            self.report(
                "WRONG_CHANGE", f"record {record.index} has {record.changes}, must have {changes}"
            )
        if isinstance(expected, ledger.Refused):
            return
        for instance_id, instance, _, _ in expected.changes:
            timeline = self._timelines.get(instance_id)
            if timeline is None:
                timeline = self._timelines[instance_id] = Timeline()
            timeline.add(record.index, instance)

    def _newest(self, instance_id):
        timeline = self._timelines.get(instance_id)
        return None if timeline is None else timeline.newest()

    def _at(self, index):
        def find(instance_id):
            timeline = self._timelines.get(instance_id)
            return None if timeline is None else timeline.at(index)

        return find

    def _record(self, index):
        """The record, or None where it is not kept."""
        if not self._records:
            return None
        place = index - self._records[0].index
        return self._records[place] if 0 <= place < len(self._records) else None

    def check_state_hash(self):
        """Makes the state hash of the newest record, if it has one, and compares."""
        record = self._records[-1]
        if self._machine is None or not record.state_hash:
            return
        self._hashed_index = record.index
        entries = [
            state_entries.constants_entry(record.index),
            state_entries.machine_entry(NAMESPACE, self._machine),
        ]
        for instance_id, timeline in self._timelines.items():
            if timeline.newest() is not None:
                message = ledger.instance_message(instance_id, timeline.newest())
                entries.append(state_entries.instance_entry(NAMESPACE, message, self._machine))
        made = state_hash.tree_hash(entries)
        self.seen["state_hashes"] += 1
        if made != record.state_hash:
            self.report(
                "STATE_HASH",
                f"record {record.index} has {record.state_hash.hex()}, made is {made.hex()}",
            )

    # ------------------------------------------------------------ proposals

    def ask(self, key, request_id, transitions, stream=None):
        """A proposal is sent. `stream`: any name; what is sent under it takes effect in order."""
        operation = _Operation(self.frontier, (request_id, transitions), stream=stream)
        self._open[key] = operation
        if request_id not in self._answered:
            self._asked[request_id] = operation

    def doubt(self, key, in_order=True):
        """An attempt ended with nothing known, and the request is sent again. `in_order` False: on
        its stream others may have been carried out before it."""
        operation = self._open[key]
        operation.in_doubt = True
        if not in_order:
            operation.stream = None

    def accept(self, key, accepted):
        """A proposal was answered: an Accepted."""
        operation = self._open.pop(key)
        request_id, transitions = operation.what
        self.seen["accepted"] += 1
        self.seen["duplicates"] += accepted.duplicate
        first = self._answered.get(request_id)
        if first is not None:
            if (accepted.index, accepted.duplicate) != (first, True):
                self.report(
                    "WRONG_REPEAT",
                    f"{request_id} was record {first}, and is answered again as {accepted}",
                )
            return
        self._asked.pop(request_id, None)
        self._answered[request_id] = accepted.index
        if not self._is_there(request_id, transitions, accepted):
            return
        self._check_order(operation, request_id, accepted)
        self._check_results(request_id, transitions, accepted)
        self._place(operation, accepted.index, accepted.duplicate)

    def _is_there(self, request_id, transitions, accepted):
        record = self._record(accepted.index)
        if record is None:
            if accepted.index > self.log_end:
                self.report(
                    "LOST",
                    f"{request_id}: acknowledged as record {accepted.index}, the log ends at "
                    f"{self.log_end}",
                )
            return False
        if (record.request_id, record.transitions) != (request_id, transitions):
            self.report(
                "LOST",
                f"{request_id} {transitions}: acknowledged as record {accepted.index}, which is "
                f"{record.request_id} {record.transitions}",
            )
            return False
        if (record.hash, record.hlc) != (accepted.hash, accepted.hlc):
            self.report(
                "LOST",
                f"{request_id}: record {accepted.index} is not the one acknowledged: its hash or "
                "time is another",
            )
            return False
        return True

    def _check_order(self, operation, request_id, accepted):
        stream = self._streams.get(operation.stream, _Stream())
        floor = max(operation.floor, stream.firm if accepted.duplicate else stream.fresh)
        if accepted.index <= floor:
            self.report(
                "REORDERED",
                f"{request_id}: record {accepted.index}, and {floor} came before it was sent",
            )

    def _check_results(self, request_id, transitions, accepted):
        if not accepted.results:
            return
        if self._oldest_known(ledger.touched(transitions)) >= accepted.index:
            return
        expected = ledger.apply(self._at(accepted.index - 1), transitions, accepted.index)
        if isinstance(expected, ledger.Refused):
            return  # told of the record already
        if expected.results != accepted.results:
            self.report(
                "WRONG_ANSWER",
                f"{request_id}: record {accepted.index} leaves {expected.results}, answered was "
                f"{accepted.results}",
            )

    def refuse(self, key, refused):
        """A proposal was refused for good: a ledger.Refused."""
        operation = self._open.pop(key)
        request_id, transitions = operation.what
        self.seen["refused"] += 1
        if request_id in self._answered:
            self.report("WRONG_REPEAT", f"{request_id} was accepted, and is refused: {refused}")
            return
        if not operation.in_doubt:
            self._asked.pop(request_id, None)
            if request_id in self._indexes:
                self.report(
                    "REFUSED_YET_THERE", f"{request_id}: is record {self._indexes[request_id]}"
                )

        def fits(index):
            return ledger.apply(self._at(index), transitions, index + 1) == refused

        self._justify(
            operation, ledger.touched(transitions), fits, "REFUSAL", f"{request_id}: {refused}"
        )

    # ------------------------------------------------------------ reads

    def read(self, key, query):
        """A read is sent. `query`: ("instance", id), ("instance_at", id, index), ("state",) or
        ("list", prefix of ids)."""
        self._open[key] = _Operation(self.frontier, query)

    def give_up(self, key):
        """Nothing will ever be known of the operation."""
        self._open.pop(key)

    def answer_read(self, key, answer):
        """A ledger.Instance or None for instances, a State, a Listed."""
        operation = self._open.pop(key)
        query = operation.what
        self.seen["reads"] += 1
        if query[0] == "instance":
            instance_id = query[1]
            self._justify(
                operation,
                {instance_id},
                lambda index: self._at(index)(instance_id) == answer,
                "READ",
                f"{query}: {answer}",
            )
        elif query[0] == "instance_at":
            self._check_past(query, answer)
        elif query[0] == "state":
            self._check_state(operation, answer)
        else:
            self._check_list(operation, query[1], answer)

    def _check_past(self, query, answer):
        _, instance_id, index = query
        if self._oldest_known({instance_id}) > index:
            return
        was = self._at(index)(instance_id)
        unknown = answer is not None and was is not None and answer.created == 0  # it was trimmed
        if answer != (was._replace(created=0) if unknown else was):
            self.report("WRONG_READ", f"{query}: {answer}, but it was {was}")

    def _check_index(self, operation, index, what):
        """Whether a read that tells its index may be of it."""
        if index > self.log_end:
            self.report("SEEN_AND_GONE", f"{what}: the log ends at {self.log_end}")
            return False
        if index < operation.floor:
            self.report("STALE_READ", f"{what}: {operation.floor} was known when it was asked")
            return False
        self._place(operation, index)
        return True

    def _check_state(self, operation, state):
        if self._check_index(operation, state.index, f"state of index {state.index}"):
            self.check_seen_hash(state.index, state.hash)

    def check_seen_hash(self, index, seen_hash):
        """Somebody was told this state hash of this index."""
        record = self._record(index)
        if record is not None and record.state_hash != seen_hash:
            self.report(
                "STATE_HASH",
                f"index {index}: {seen_hash.hex()} was told, its record has "
                f"{record.state_hash.hex() or 'none'}",
            )

    def _check_list(self, operation, prefix, listed):
        what = f"list {prefix!r} of index {listed.index}"
        if self._check_index(operation, listed.index, what):
            self._check_instances(prefix, listed, what)

    def _check_instances(self, prefix, listed, what):
        expected = {
            instance_id: timeline.at(listed.index)
            for instance_id, timeline in self._timelines.items()
            if instance_id.startswith(prefix) and timeline.at(listed.index) is not None
        }
        if expected != listed.instances:
            wrong = {
                each: (listed.instances.get(each), expected.get(each))
                for each in expected.keys() | listed.instances.keys()
                if listed.instances.get(each) != expected.get(each)
            }
            self.report("WRONG_READ", f"{what}: shown and true differ: {wrong}")

    # ------------------------------------------------------------ watches

    def watch(self, key, watch_filter, from_index):
        """A watch is opened; `from_index` 0: from now, or with initial instances."""
        self._watches[key] = _Watch(watch_filter, self.frontier, from_index or None)

    def watch_initial(self, key, index, instances, complete):
        """A part of the initial instances; of a watch of all instances or of some ids."""
        watch = self._watches[key]
        watch.initial |= instances
        if not complete:
            return
        operation = _Operation(watch.floor, ())
        if self._check_index(operation, index, f"{key}: initial instances of index {index}"):
            ids = watch.filter.ids
            wanted = {each: self._at(index)(each) for each in ids or self._timelines}
            expected = {each: found for each, found in wanted.items() if found is not None}
            if expected != watch.initial:
                self.report("WRONG_READ", f"{key}: initial {watch.initial}, must be {expected}")
        watch.next = index + 1

    def watch_sent(self, key, index, digests):
        """A response of a watch: digests of its changes; () of a bookmark."""
        watch = self._watches[key]
        self.seen["watched"] += 1
        if index > self.log_end:
            self.report("SEEN_AND_GONE", f"{key}: sent {index}, the log ends at {self.log_end}")
            return
        start = watch.next
        if start is None:  # from now: what it passed over before its first response is not known
            start = index if digests else index + 1
            if index < watch.floor + bool(digests):
                self.report("STALE_READ", f"{key}: began at {index}, {watch.floor} was known")
        if index < start - (not digests):
            self.report("WATCH_REPEAT", f"{key}: sent {index}, and had come to {start - 1}")
            return
        for passed in range(start, index + 1):
            self._check_passed(key, watch, passed, digests if passed == index else ())
        watch.next = index + 1
        self.frontier = max(self.frontier, index)

    def _check_passed(self, key, watch, index, sent):
        record = self._record(index)
        if record is None:
            return  # it resumed further back than records are kept
        matching = tuple(each[2] for each in record.watched if watch.filter.matches(each))
        if matching == sent:
            return
        if not sent:
            self.report("WATCH_GAP", f"{key}: {index} matches and was passed over")
        else:
            self.report("WATCH_WRONG", f"{key}: {index} was sent with other changes than it has")

    def watch_ahead(self, key):
        """The server says that the index after what a watch sent lies ahead of its log."""
        self.report("SEEN_AND_GONE", f"{key}: {self._watches[key].next} lies ahead")

    # ------------------------------------------------------------ the rest

    def trimmed(self, first_index, commit_index, window_records, oldest_snapshot_index=None):
        """The log begins at `first_index`, and later it ended at `commit_index`, and the oldest
        snapshot that is kept was `oldest_snapshot_index` (0: none; None: not known)."""
        bound = max(1, commit_index + 1 - window_records)
        if oldest_snapshot_index is not None:
            bound = min(bound, oldest_snapshot_index + 1)
        if first_index > bound:
            self.report(
                "TRIMMED_TOO_FAR", f"the log begins at {first_index}, and must at {bound} or before"
            )

    def settle(self, index):
        """All records up to `index` were asked for in events that have been fed."""
        while self._unasked and self._unasked[0][0] <= index:
            record_index, request_id = self._unasked.popleft()
            if request_id not in self._asked and request_id not in self._answered:
                self.report("UNASKED", f"record {record_index}: {request_id or 'no request_id'}")

    def finish(self):
        """Nothing more will come: what was never answered may be there, after it was sent."""
        self.settle(self.log_end)
        for request_id, operation in self._asked.items():
            index = self._indexes.get(request_id)
            record = None if index is None else self._record(index)
            if record is None:
                continue
            if record.transitions != operation.what[1]:
                self.report("UNASKED", f"record {index}: {request_id} with another content")
            elif index <= operation.floor:
                self.report("REORDERED", f"{request_id}: record {index}, asked after it")
        if self._records:
            self.check_state_hash()

    def needed(self):
        """The lowest floor of all that is not answered yet."""
        return min((each.floor for each in self._open.values()), default=self.frontier)

    def forget(self):
        """Forgets what nothing can need any more."""
        needed = self.needed()
        kept_from = self.log_end - RECORDS_KEPT
        while self._records and self._records[0].index <= min(needed, kept_from):
            gone = self._records.popleft()
            self._indexes.pop(gone.request_id, None)
            self._answered.pop(gone.request_id, None)
        # Reads of the past go a little behind what is known.
        horizon = min(needed, self.log_end - RECORDS_KEPT // 10)
        for timeline in self._timelines.values():
            timeline.forget_before(horizon)

    def _oldest_known(self, ids):
        found = [self._timelines[each].oldest() for each in ids if each in self._timelines]
        return max(found, default=0)

    def _place(self, operation, index, duplicate=False):
        self.frontier = max(self.frontier, index)
        if operation.stream is None:
            return
        stream = self._streams.setdefault(operation.stream, _Stream())
        stream.fresh = max(stream.fresh, index)
        if duplicate or not operation.in_doubt:
            stream.firm = max(stream.firm, index)

    def _justify(self, operation, ids, fits, sort, what):
        """Places it at the lowest index that fits; tells where none does."""
        floor = max(operation.floor, self._streams.get(operation.stream, _Stream()).fresh)
        candidates = {floor}
        for each in ids:
            if each in self._timelines:
                candidates.update(self._timelines[each].changes_after(floor))
        for index in sorted(candidates):
            if fits(index):
                self._place(operation, index)
                return
        before = {0}
        for each in ids:
            if each in self._timelines:
                before.update(self._timelines[each].changes_after(-1))
        stale = [index for index in before if index < floor and fits(index)]
        if stale:
            self.report(
                f"STALE_{sort}",
                f"{what}: so it was at {max(stale)}, and {floor} was known when it was asked",
            )
        else:
            self.report(f"WRONG_{sort}", f"{what}: so it never was, up to {self.log_end}")
