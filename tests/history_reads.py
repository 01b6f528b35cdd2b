"""What must hold of reads and watches (history_checker.py)."""

from history_log import LogChecks
from history_types import Operation, Watch


class ReadChecks(LogChecks):
    """A history_checker.Checker's reads."""

    def read(self, key, query):
        """A read is sent. `query`: ("instance", id), ("instance_at", id, index), ("state",) or
        ("list", prefix of ids)."""
        self._open[key] = Operation(self.frontier, query)

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

    def _check_state(self, operation, state):
        if self._check_index(operation, state.index, f"state of index {state.index}"):
            self.check_seen_hash(state.index, state.hash)

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


class WatchChecks(LogChecks):
    """A history_checker.Checker's watches."""

    def watch(self, key, watch_filter, from_index):
        """A watch is opened; `from_index` 0: from now, or with initial instances."""
        self._watches[key] = Watch(watch_filter, self.frontier, from_index or None)

    def watch_initial(self, key, index, instances, complete):
        """A part of the initial instances; of a watch of all instances or of some ids."""
        watch = self._watches[key]
        watch.initial |= instances
        if not complete:
            return
        operation = Operation(watch.floor, ())
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
