"""The log as it was read back, and where what was answered is placed in it (history_checker.py)."""

import collections

import ledger
import state_entries
import state_hash
from history_types import Stream, Timeline, Violation

# Records that are kept for repeats of requests and for slow watches.
RECORDS_KEPT = 20_000
# The second implementation of the state hash costs milliseconds.
HASHED_EVERY_RECORDS = 250
VIOLATIONS_KEPT = 20
NAMESPACE = "default"


class LogChecks:
    """A history_checker.Checker's log, and what all its parts share."""

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
        self._validated = set()  # request ids that were validated, and not asked since
        self._indexes = {}  # request id -> index, of the kept records
        self._asked = {}  # request id -> its operation, until its record is settled
        self._answered = {}  # request id -> index, of kept records
        self._unasked = collections.deque()  # (index, request id) not matched to a request yet
        self._open = {}
        self._streams = {}  # stream -> Stream
        self._watches = {}

    def report(self, kind, message):
        self.counts[kind] += 1
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(Violation(kind, message))

    @property
    def violation_count(self):
        return self.counts.total()

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
        guards = tuple(map(ledger.expected_guard, expected.guards))
        self.seen["guarded"] += len(guards)
        if guards != record.guards:
            self.report(
                "WRONG_GUARD", f"record {record.index} has {record.guards}, must have {guards}"
            )
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

    def check_seen_hash(self, index, seen_hash):
        """Somebody was told this state hash of this index."""
        record = self._record(index)
        if record is not None and record.state_hash != seen_hash:
            self.report(
                "STATE_HASH",
                f"index {index}: {seen_hash.hex()} was told, its record has "
                f"{record.state_hash.hex() or 'none'}",
            )

    # ------------------------------------------------------------ places in it

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

    def _oldest_known(self, ids):
        found = [self._timelines[each].oldest() for each in ids if each in self._timelines]
        return max(found, default=0)

    def _changed_after(self, index, instance_id):
        timeline = self._timelines.get(instance_id)
        return timeline is not None and bool(timeline.changes_after(index))

    def _place(self, operation, index, duplicate=False):
        self.frontier = max(self.frontier, index)
        if operation.stream is None:
            return
        stream = self._streams.setdefault(operation.stream, Stream())
        stream.fresh = max(stream.fresh, index)
        if operation.attempts == 1 or (duplicate and operation.attempts == 2):
            stream.firm = max(stream.firm, index)

    def _justify(self, operation, ids, fits, sort, what, told=0):
        """Places it at the lowest index that fits; tells where none does. `told`: the index that
        the answer itself tells of, if any."""
        floor = max(operation.floor, self._streams.get(operation.stream, Stream()).fresh)
        candidates = {floor, max(floor, told)}
        for each in ids:
            if each in self._timelines:
                candidates.update(self._timelines[each].changes_after(floor))
        for index in sorted(candidates):
            if fits(index):
                self._place(operation, index)
                return
        before = {0, told}
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
