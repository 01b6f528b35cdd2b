"""Histories that are made by hand, for tests of the checker of histories."""

import dataclasses
import hashlib
import itertools
import unittest

import ledger
from history_checker import Checker
from history_types import Accepted, Record

GENESIS = b"genesis"


def guarded(instance_id, by="x"):
    return ledger.send(instance_id, ledger.GUARDED_EVENT, by)


def add(instance_id, by="x", **more):
    return ledger.send(instance_id, "add", by, **more)


@dataclasses.dataclass
class Log:
    """Makes the records that a correct server would."""

    records: list = dataclasses.field(default_factory=list)
    state: dict = dataclasses.field(default_factory=dict)

    def add(self, request_id, *transitions):
        index = len(self.records) + 1
        outcome = ledger.apply(self.state.get, transitions, index)
        assert isinstance(outcome, ledger.Accepted), outcome
        self.state |= {change[0]: change[1] for change in outcome.changes}
        changes = tuple(map(ledger.expected_change, outcome.changes))
        record = Record(
            index,
            hashlib.sha256(f"{index} {request_id}".encode()).digest(),
            self.records[-1].hash if self.records else GENESIS,
            (1000 * index, 0),
            request_id,
            transitions,
            changes,
            tuple((each[0], ("ledger", each[1]), str(each).encode()) for each in changes),
            hashlib.sha256(f"state {index}".encode()).digest(),
            tuple(map(ledger.expected_guard, outcome.guards)),
        )
        self.records.append(record)
        return record, outcome.results


class HandMadeHistory(unittest.TestCase):
    """A checker, a log, and a client in short."""

    def setUp(self):
        self.checker = Checker(GENESIS)
        self.log = Log()
        self.keys = itertools.count()

    def commit(self, request_id, *transitions):
        """The record is in the log, and was read there."""
        record, results = self.log.add(request_id, *transitions)
        self.checker.add_record(record)
        return record, results

    def ask(self, request_id, *transitions, stream=None):
        key = next(self.keys)
        self.checker.ask(key, request_id, transitions, stream)
        return key

    def accept(self, key, record, results=(), duplicate=False, **other):
        answer = Accepted(record.index, record.hash, record.hlc, duplicate, results)
        self.checker.accept(key, answer._replace(**other))

    def submit(self, request_id, *transitions):
        """Asked, committed and answered, before anything else is asked."""
        key = self.ask(request_id, *transitions)
        record, results = self.commit(request_id, *transitions)
        self.accept(key, record, results)
        return record

    def refuse(self, key, reason, detail=None):
        self.checker.refuse(key, ledger.Refused(reason, detail))

    def validate(self, request_id, *transitions):
        key = next(self.keys)
        self.checker.validate(key, request_id, transitions)
        return key

    def validated(self, key, *results, **other):
        answer = Accepted(0, b"", (0, 0), False, results)
        self.checker.validated(key, answer._replace(**other))

    def read(self, *query):
        key = next(self.keys)
        self.checker.read(key, query)
        return key

    def found(self):
        self.checker.finish()
        return sorted(self.checker.counts)

    def assert_named(self, *kinds):
        self.assertEqual(self.found(), sorted(kinds), self.checker.violations)
