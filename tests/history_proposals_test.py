"""The checker of histories: what is only validated, and what an external guard decides."""

import ledger
import test_main
from history_by_hand import HandMadeHistory, add, guarded
from history_types import Accepted


class HistoryProposalsTest(HandMadeHistory):
    def test_what_is_validated_is_of_one_state_and_leaves_no_trace(self):
        self.submit("1", ledger.create("a"), ledger.create("b"))
        early = self.validate("v", add("a", "v"), ledger.create("b", allow_existing=True))
        now = self.log.state["a"]
        self.submit("2", add("b"))
        # It may be of a state before that, as it was asked before.
        would_be = now._replace(version=2, count=1, last="v")
        self.validated(early, would_be, self.log.state["b"]._replace(version=1, count=0, last=""))
        self.checker.refuse_validation(
            self.validate("w", guarded("a")), ledger.Refused("GUARD_FALSE", 0)
        )
        self.validated(self.validate("x", ledger.delete("none", allow_missing=True)), None)
        self.submit("v", add("a", "v"))  # now in earnest
        self.assert_named()

    def test_a_guard_that_is_external_passes_where_its_outcome_is_of_the_version_changed(self):
        self.submit("1", ledger.create("a"), add("a"))
        self.submit("2", guarded("a"), ledger.create("b"), add("b"), guarded("b"))
        slow = self.ask("3", guarded("a"))
        self.submit("4", add("a"))
        self.submit("5", add("a"))
        self.refuse(slow, "GUARD_INSTANCE_MOVED")
        self.refuse(self.ask("6", guarded("a")), "GUARD_UNANSWERED")
        self.assertEqual(self.log.records[1].guards[1][-1], 0)
        self.assertEqual(self.checker.seen["guarded"], 2)
        self.assert_named()

    # ------------------------------------------------------------ validate_only

    def test_a_record_of_what_was_only_validated_is_named(self):
        self.submit("1", ledger.create("a"))
        key = self.validate("2", add("a"))
        self.commit("2", add("a"))
        self.validated(key, self.log.state["a"])
        self.assert_named("VALIDATED_THERE")

    def test_a_validation_that_tells_of_a_record_is_a_wrong_answer(self):
        record = self.submit("1", ledger.create("a"))
        key = self.validate("2", add("a"))
        self.validated(key, self.log.state["a"], index=record.index)
        self.assert_named("WRONG_ANSWER")

    def test_an_acceptance_without_an_index_is_lost(self):
        self.checker.accept(
            self.ask("1", ledger.create("a")), Accepted(0, b"", (0, 0), False, ())
        )
        self.assert_named("LOST")

    def test_a_validation_in_a_state_that_never_was_is_wrong(self):
        self.submit("1", ledger.create("a"))
        ghost = self.log.state["a"]._replace(version=2, count=7, last="x")
        self.validated(self.validate("2", add("a")), ghost)
        self.checker.refuse_validation(
            self.validate("3", add("a")), ledger.Refused("INSTANCE_NOT_RUNNING")
        )
        self.assert_named("WRONG_REFUSAL", "WRONG_VALIDATION")

    def test_a_validation_in_a_state_that_was_known_to_be_past_is_stale(self):
        self.submit("1", ledger.create("a"))
        would_be = self.log.state["a"]._replace(version=2, count=1, last="y")
        self.submit("2", add("a"))
        self.validated(self.validate("3", add("a", "y")), would_be)
        self.assert_named("STALE_VALIDATION")

    def test_a_validation_in_a_state_that_is_gone_is_named(self):
        self.submit("1", ledger.create("a"))
        ahead = self.log.state["a"]._replace(version=3, count=2, last="x")
        self.validated(self.validate("2", add("a")), ahead)
        self.assert_named("SEEN_AND_GONE")

    # ------------------------------------------------------------ external guards

    def commit_with_guards(self, *guards):
        """A guarded event at count 1, with these outcomes in its record."""
        self.submit("1", ledger.create("a"), add("a"))
        key = self.ask("2", guarded("a"))
        record, results = self.log.add("2", guarded("a"))
        self.checker.add_record(record._replace(guards=guards))
        self.accept(key, record, results)

    def test_an_outcome_for_another_version_than_the_one_changed_is_named(self):
        self.commit_with_guards((0, "pass", ledger.GUARD, True, 0))
        self.assert_named("WRONG_GUARD")

    def test_a_guarded_event_without_an_outcome_is_named(self):
        self.commit_with_guards()
        self.assert_named("WRONG_GUARD")

    def test_a_guarded_event_that_was_denied_is_named(self):
        self.commit_with_guards((0, "pass", ledger.GUARD, False, 1))
        self.assert_named("WRONG_GUARD")

    def test_a_guarded_event_that_the_guard_never_allowed_is_a_wrong_change(self):
        self.submit("1", ledger.create("a"))
        key = self.ask("2", guarded("a"))
        record = self.log.add("2", add("a"))[0]._replace(
            transitions=(guarded("a"),), guards=((0, "pass", ledger.GUARD, True, 1),)
        )
        self.checker.add_record(record)
        self.accept(key, record)
        self.assert_named("WRONG_CHANGE")

    def test_a_denial_by_a_guard_that_looked_at_the_past_is_stale(self):
        self.submit("1", ledger.create("a"))
        self.submit("2", add("a"))
        self.refuse(self.ask("3", guarded("a")), "GUARD_FALSE", 0)
        self.assert_named("STALE_REFUSAL")

    def test_an_instance_that_is_said_to_have_moved_and_did_not_is_named(self):
        self.submit("1", ledger.create("a"))
        self.refuse(self.ask("2", guarded("a")), "GUARD_INSTANCE_MOVED")
        self.assert_named("WRONG_REFUSAL")


if __name__ == "__main__":
    test_main.run()
