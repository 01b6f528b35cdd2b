"""Decides whether what clients saw is what one correct, durable server can have shown them.

Its input is a history: what each client asked and what it was answered, with the times of one
monotonic clock, and the log as it was read back. Its output is a list of violations, by kind.

What has to hold, and the kind that names where it does not:

  LOST              acknowledged, and the log has no such record, or another one, at that index
  APPLIED_TWICE     a request_id in two records
  WRONG_REPEAT      a repeated request is not answered with its first record
  REFUSED_YET_THERE refused, never in doubt, and in the log all the same
  UNASKED           a record that no client asked for
  VALIDATED_THERE   a record of a proposal that was only to be validated
  REORDERED         A was answered before B was asked, or before it on a stream, and B's record
                    does not come after A's
  WRONG_ANSWER      an answer shows another outcome than its record has
  WRONG_CHANGE      a record's changes are not what the specification makes of its transitions
  WRONG_GUARD       a record does not hold one answer of the external guard for each event that
                    needs one, given for the very version that the record changes
  STALE_READ        a read shows a state older than what was known when it was asked
  STALE_REFUSAL     the same for a refusal
  STALE_VALIDATION  the same for what a validated proposal would do
  WRONG_READ        a read shows what no state of the log is: invented, or seen and gone
  WRONG_REFUSAL     a refusal that no state of the log justifies: judged by what is gone; or one for
                    an instance that moved under its guard, and had not
  WRONG_VALIDATION  what a validated proposal would do is not what it would in any state of the log
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

An external guard is judged like any other: its outcome holds for one version of the instance, so a
guarded event must be what the specification makes of that very version (ledger.guard_allows).

It is streaming: records and events are forgotten once nothing open can need them. What grows are
sets of the request_ids that were applied or validated, some 100 bytes each.
"""

from history_log import RECORDS_KEPT
from history_proposals import ProposalChecks
from history_reads import ReadChecks, WatchChecks


class Checker(ProposalChecks, ReadChecks, WatchChecks):
    """Feed it the log by `add_record`, and events in the order of their times.

    An answer may be fed only once the log was read as far as it was when the answer came, or
    further. Operations are named by any hashable key. Not thread-safe.
    """

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
                kind = "VALIDATED_THERE" if request_id in self._validated else "UNASKED"
                self.report(kind, f"record {record_index}: {request_id or 'no request_id'}")

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
