"""What the checker of histories is fed, and keeps (history_checker.py)."""

import bisect
import dataclasses
from typing import NamedTuple


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
    guards: tuple = ()  # of ledger.guard_of


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
class Operation:
    floor: int
    what: tuple  # (request id, transitions), or a query
    attempts: int = 1  # all but the last one ended without an answer
    stream: tuple | None = None

    @property
    def in_doubt(self):
        return self.attempts > 1


@dataclasses.dataclass(slots=True)
class Stream:
    """The highest index placed for what was sent on a stream before: `fresh` for what the last
    attempt carries out, `firm` for what an earlier attempt may have. (What was refused in an attempt
    leaves no trace, and may succeed in a later one, after what had come behind it. So firm are only
    those that were carried out the first time that they were sent.)"""

    firm: int = 0
    fresh: int = 0


@dataclasses.dataclass(slots=True)
class Watch:
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
