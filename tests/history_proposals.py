"""What must hold of proposals, accepted and refused (history_checker.py)."""

import ledger
from history_log import LogChecks
from history_types import Operation, Stream


class ProposalChecks(LogChecks):
    """A history_checker.Checker's proposals."""

    def ask(self, key, request_id, transitions, stream=None):
        """A proposal is sent. `stream`: any name; what is sent under it takes effect in order."""
        operation = Operation(self.frontier, (request_id, transitions), stream=stream)
        self._open[key] = operation
        self._validated.discard(request_id)
        if request_id not in self._answered:
            self._asked[request_id] = operation

    def doubt(self, key, in_order=True):
        """An attempt ended with nothing known, and the request is sent again. `in_order` False: on
        its stream others may have been carried out before it."""
        operation = self._open[key]
        operation.attempts += 1
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
            if accepted.index > self.log_end or accepted.index == 0:
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
        stream = self._streams.get(operation.stream, Stream())
        floor = max(operation.floor, stream.firm if accepted.duplicate else stream.fresh)
        if accepted.index <= floor:
            self.report(
                "REORDERED",
                f"{request_id}: record {accepted.index}, and {floor} came before it was sent; "
                f"{operation.attempts} attempts, duplicate {accepted.duplicate}",
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
        self._check_refusal(operation, refused)

    def _check_refusal(self, operation, refused):
        request_id, transitions = operation.what
        touched = ledger.touched(transitions)
        if refused.reason == "GUARD_UNANSWERED":
            return  # says nothing of any state
        if refused.reason == "GUARD_INSTANCE_MOVED":
            if not any(self._changed_after(operation.floor, each) for each in touched):
                self.report("WRONG_REFUSAL", f"{request_id}: {refused}, and nothing had moved")
            return

        def fits(index):
            return ledger.apply(self._at(index), transitions, index + 1) == refused

        self._justify(operation, touched, fits, "REFUSAL", f"{request_id}: {refused}")

    # ------------------------------------------------------------ validate_only

    def validate(self, key, request_id, transitions):
        """It is asked what a proposal would do. Its `request_id` was never used."""
        self._open[key] = Operation(self.frontier, (request_id, transitions))
        self._validated.add(request_id)

    def validated(self, key, accepted):
        """It was answered that it would be carried out: an Accepted without an index."""
        operation = self._open.pop(key)
        request_id, transitions = operation.what
        self.seen["validated"] += 1
        if accepted.index != 0 or accepted.duplicate:
            self.report("WRONG_ANSWER", f"{request_id} was only validated: {accepted}")
            return
        # What would change has the version that the next record would have given it.
        versions = [each.version for each in accepted.results if each is not None]
        told = max(versions, default=1) - 1
        if told > self.log_end:
            self.report("SEEN_AND_GONE", f"{request_id}: validated in {told}, beyond the log's end")
            return

        def fits(index):
            expected = ledger.apply(self._at(index), transitions, index + 1)
            return isinstance(expected, ledger.Accepted) and expected.results == accepted.results

        what = f"{request_id} {transitions}: {accepted.results}"
        self._justify(
            operation, ledger.touched(transitions), fits, "VALIDATION", what, told=told
        )

    def refuse_validation(self, key, refused):
        """It was answered that it would be refused: a ledger.Refused."""
        self.seen["validated"] += 1
        self._check_refusal(self._open.pop(key), refused)
