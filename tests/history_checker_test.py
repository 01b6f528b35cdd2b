"""The checker of histories: a good one passes, and each kind of wrong one is named.

The histories are made by hand, so that each breaks one promise and no other.
"""

import ledger
import test_main
from history_by_hand import GENESIS, HandMadeHistory, add
from history_checker import Checker
from history_log import RECORDS_KEPT
from history_types import Accepted, Listed, State, WatchFilter


class HistoryCheckerTest(HandMadeHistory):
    # ------------------------------------------------------------ good ones

    def test_a_good_history_passes(self):
        slow = self.ask("slow", add("a", "slow"))
        self.submit("1", ledger.create("a"), ledger.create("b"))
        early = self.read("instance", "a")
        state = self.log.state["a"]
        self.submit("2", add("a"), ledger.send("b", "close", "y"))
        self.checker.answer_read(early, state)  # what it was when it was asked
        record, results = self.commit("slow", add("a", "slow"))
        repeat = self.ask("2", add("a"), ledger.send("b", "close", "y"))
        self.accept(repeat, self.log.records[1], duplicate=True)
        denied = self.ask("3", add("b"))
        self.refuse(denied, "EVENT_NOT_ENABLED")
        stale = self.ask("4", add("a", expected=2))
        self.refuse(stale, "VERSION_MISMATCH", 3)
        self.accept(slow, record, results)
        listed = self.read("list", "")
        self.checker.answer_read(listed, Listed(3, dict(self.log.state)))
        summary = self.read("state")
        self.checker.answer_read(summary, State(3, record.state_hash, 2))
        past = self.read("instance_at", "a", 1)
        self.checker.answer_read(past, state)
        self.assert_named()

    def test_a_timeout_is_unknown_and_never_failed(self):
        self.submit("1", ledger.create("a"))
        for request_id in ("applied", "never applied"):
            self.checker.doubt(self.ask(request_id, add("a", request_id)))
        self.commit("applied", add("a", "applied"))
        self.assert_named()

    def test_what_is_asked_at_the_same_time_may_take_effect_in_any_order(self):
        self.submit("1", ledger.create("a"))
        first, second = self.ask("2", add("a", "2")), self.ask("3", add("a", "3"))
        before = self.read("instance", "a")
        state = self.log.state["a"]
        for request_id, key in (("3", second), ("2", first)):
            self.accept(key, *self.commit(request_id, add("a", request_id)))
            self.assertNotEqual(state, self.log.state["a"])
        self.checker.answer_read(before, state)
        self.assert_named()

    def test_a_refusal_in_doubt_may_be_applied_by_its_first_attempt(self):
        self.submit("1", ledger.create("a"))
        key = self.ask("2", ledger.create("b", expected=0))
        self.checker.doubt(key)
        late = self.ask("3", ledger.delete("b", expected=2))
        self.commit("2", ledger.create("b", expected=0))
        self.accept(late, *self.commit("3", ledger.delete("b", expected=2)))
        self.checker.settle(3)
        self.refuse(key, "VERSION_MISMATCH", 2)
        self.assert_named()

    def test_what_a_stream_sent_may_succeed_late_where_an_attempt_was_refused_unseen(self):
        first = self.ask("1", add("b"), stream="s")  # refused, and the answer lost
        second = self.ask("2", ledger.create("a"), stream="s")
        early, _ = self.commit("2", ledger.create("a"))
        self.submit("3", ledger.create("b"))
        for key in (first, second):
            self.checker.doubt(key)
        self.accept(first, *self.commit("1", add("b")))
        self.accept(second, early, duplicate=True)
        self.assert_named()

    def test_what_a_stream_sent_may_succeed_late_in_an_attempt_that_was_unseen_too(self):
        first = self.ask("1", add("b"), stream="s")  # refused by the first attempt
        second = self.ask("2", ledger.create("a"), stream="s")
        early, _ = self.commit("2", ledger.create("a"))
        self.submit("3", ledger.create("b"))
        for key in (first, second):
            self.checker.doubt(key)
        late, _ = self.commit("1", add("b"))  # by the second one
        for key in (first, second):
            self.checker.doubt(key)
        self.accept(first, late, duplicate=True)
        self.accept(second, early, duplicate=True)
        self.assert_named()

    def test_a_good_watch_passes_over_a_reconnection(self):
        for number in range(3):
            self.submit(f"{number}", ledger.create(f"{number}"), ledger.create(f"other-{number}"))
        self.checker.watch("w", WatchFilter(ids=frozenset(("0", "2"))), 1)
        digests = [each.watched[0][2:] for each in self.log.records]
        self.checker.watch_sent("w", 1, digests[0])
        self.checker.watch_sent("w", 2, ())
        self.checker.watch_sent("w", 2, ())
        self.checker.watch_sent("w", 3, digests[2])
        self.checker.watch("i", WatchFilter(), 0)
        self.checker.watch_initial("i", 3, {"0": self.log.state["0"]}, False)
        self.checker.watch_initial("i", 3, self.log.state, True)
        self.checker.watch("now", WatchFilter(), 0)
        record = self.submit("3", add("0"))
        for key in ("i", "now", "w"):
            self.checker.watch_sent(key, 4, record.watched[0][2:])
        self.assert_named()

    def test_it_forgets_what_nothing_can_need(self):
        self.submit("0", ledger.create("a"))
        for number in range(1, RECORDS_KEPT + 3000):
            self.submit(f"{number}", add("a"))
            if number % 1000 == 0:
                self.checker.settle(number)
                self.checker.forget()
        self.assertLess(len(self.checker._records), RECORDS_KEPT + 1100)
        self.assertLess(len(self.checker._timelines["a"].changes_after(0)), 5000)
        self.assert_named()

    # ------------------------------------------------------------ proposals

    def test_an_acknowledged_record_that_is_gone_is_lost(self):
        key = self.ask("1", ledger.create("a"))
        self.checker.accept(key, Accepted(1, b"hash", (1000, 0), False, ()))
        self.assert_named("LOST")

    def test_an_acknowledged_record_that_is_another_one_now_is_lost(self):
        first, second = self.ask("1", ledger.create("a")), self.ask("2", ledger.create("b"))
        record, _ = self.commit("2", ledger.create("b"))
        self.accept(first, record)
        self.accept(second, record)
        self.assert_named("LOST")

    def test_an_acknowledged_record_with_another_content_is_lost(self):
        key = self.ask("1", ledger.create("a"))
        self.accept(key, *self.commit("1", ledger.create("b")))
        self.assert_named("LOST")

    def test_a_record_hash_other_than_the_acknowledged_one_is_lost(self):
        key = self.ask("1", ledger.create("a"))
        self.accept(key, *self.commit("1", ledger.create("a")), hash=b"another")
        self.assert_named("LOST")

    def test_a_request_in_two_records_is_applied_twice(self):
        self.submit("1", ledger.create("a"))
        self.submit("2", add("a"))
        self.commit("2", add("a"))
        self.assert_named("APPLIED_TWICE")

    def test_a_repeat_that_gets_another_index_is_a_wrong_repeat(self):
        self.submit("1", ledger.create("a"))
        last = self.submit("2", add("a"))
        self.accept(self.ask("1", ledger.create("a")), last, duplicate=True)
        self.assert_named("WRONG_REPEAT")

    def test_a_repeat_that_is_refused_is_a_wrong_repeat(self):
        self.submit("1", ledger.create("a"))
        self.refuse(self.ask("1", ledger.create("a")), "INSTANCE_EXISTS")
        self.assert_named("WRONG_REPEAT")

    def test_a_refused_request_that_is_in_the_log_is_named(self):
        self.submit("1", ledger.create("a"))
        key = self.ask("2", add("a", expected=1))
        self.commit("2", add("a", expected=1))
        self.refuse(key, "VERSION_MISMATCH", 2)
        self.assert_named("REFUSED_YET_THERE", "UNASKED")

    def test_a_record_that_nobody_asked_for_is_named(self):
        self.submit("1", ledger.create("a"))
        self.commit("phantom", add("a"))
        self.assert_named("UNASKED")

    def test_a_record_before_one_that_was_answered_before_it_was_asked_is_reordered(self):
        first = self.ask("1", ledger.create("a"))
        early, _ = self.commit("2", ledger.create("b"))
        self.accept(first, *self.commit("1", ledger.create("a")))
        self.accept(self.ask("2", ledger.create("b")), early)
        self.assert_named("REORDERED")

    def test_a_stream_that_its_first_attempt_applied_in_another_order_is_reordered(self):
        keys = [self.ask(each, ledger.create(each), stream="s") for each in "ab"]
        records = [self.commit(each, ledger.create(each))[0] for each in "ba"]
        for key in keys:
            self.checker.doubt(key)
        for key, record in zip(keys, reversed(records)):
            self.accept(key, record, duplicate=True)
        self.assert_named("REORDERED")

    def test_a_stream_that_is_not_applied_in_the_order_sent_is_reordered(self):
        keys = [self.ask(each, ledger.create(each), stream="s") for each in "ab"]
        answers = [self.commit(each, ledger.create(each)) for each in "ba"]
        self.accept(keys[0], *answers[1])
        self.accept(keys[1], *answers[0])
        self.assert_named("REORDERED")

    def test_an_answer_with_another_outcome_than_its_record_is_wrong(self):
        self.submit("1", ledger.create("a"))
        key = self.ask("2", add("a"))
        record, (result,) = self.commit("2", add("a"))
        self.accept(key, record, (result._replace(count=5),))
        self.assert_named("WRONG_ANSWER")

    def test_changes_that_the_transitions_do_not_make_are_wrong(self):
        key = self.ask("1", ledger.create("a"))
        record, results = self.log.add("1", ledger.create("a"))
        self.checker.add_record(record._replace(changes=(("a", "open", (1, "x"), 0),)))
        self.accept(key, record, results)
        self.assert_named("WRONG_CHANGE")

    # ------------------------------------------------------------ reads and refusals

    def test_a_read_of_what_was_known_to_be_past_is_stale(self):
        self.submit("1", ledger.create("a"))
        old = self.log.state["a"]
        self.submit("2", add("a"))
        self.checker.answer_read(self.read("instance", "a"), old)
        self.assert_named("STALE_READ")

    def test_a_read_after_a_newer_read_is_stale(self):
        self.submit("1", ledger.create("a"))
        old = self.log.state["a"]
        open_key = self.ask("2", add("a"))
        record, results = self.commit("2", add("a"))
        self.checker.answer_read(self.read("instance", "a"), self.log.state["a"])
        self.checker.answer_read(self.read("instance", "a"), old)
        self.accept(open_key, record, results)
        self.assert_named("STALE_READ")

    def test_a_summary_or_a_list_of_a_past_index_is_stale(self):
        self.submit("1", ledger.create("a"))
        old = dict(self.log.state)
        self.submit("2", add("a"))
        self.checker.answer_read(self.read("list", ""), Listed(1, old))
        state = State(1, self.log.records[0].state_hash, 1)
        self.checker.answer_read(self.read("state"), state)
        self.assert_named("STALE_READ")
        self.assertEqual(self.checker.counts["STALE_READ"], 2)

    def test_a_read_of_what_never_was_is_wrong(self):
        self.submit("1", ledger.create("a"))
        ghost = self.log.state["a"]._replace(count=9)
        self.checker.answer_read(self.read("instance", "a"), ghost)
        self.checker.answer_read(self.read("instance_at", "a", 1), ghost)
        self.checker.answer_read(self.read("list", "a"), Listed(1, {"a": ghost}))
        self.assert_named("WRONG_READ")
        self.assertEqual(self.checker.counts["WRONG_READ"], 3)

    def test_an_index_that_was_shown_and_is_not_reached_any_more_is_named(self):
        self.submit("1", ledger.create("a"))
        self.checker.answer_read(self.read("state"), State(2, b"", 1))
        self.assert_named("SEEN_AND_GONE")

    def test_a_refusal_by_a_state_that_was_known_to_be_past_is_stale(self):
        self.submit("1", ledger.create("a"))
        self.submit("2", add("a"))
        self.refuse(self.ask("3", add("a", expected=2)), "VERSION_MISMATCH", 1)
        self.assert_named("STALE_REFUSAL")

    def test_a_refusal_that_no_state_justifies_is_wrong(self):
        self.submit("1", ledger.create("a"))
        self.refuse(self.ask("2", add("a")), "INSTANCE_NOT_RUNNING")
        guarded = ledger.send("a", "take", "x", 9)
        self.refuse(self.ask("3", guarded), "GUARD_FALSE", 4)
        self.assert_named("WRONG_REFUSAL")
        self.assertEqual(self.checker.counts["WRONG_REFUSAL"], 2)

    # ------------------------------------------------------------ the log

    def test_a_gap_between_records_is_named(self):
        self.log.add("1", ledger.create("a"))
        record, _ = self.log.add("2", add("a"))
        self.assertFalse(self.checker.add_record(record))
        self.assert_named("LOG_GAP")

    def test_a_record_that_does_not_follow_the_one_seen_is_a_fork(self):
        self.submit("1", ledger.create("a"))
        key = self.ask("2", add("a"))
        record, results = self.log.add("2", add("a"))
        self.checker.add_record(record._replace(previous_hash=b"another past"))
        self.accept(key, record, results)
        self.assert_named("LOG_FORK")

    def test_a_time_that_does_not_rise_is_named(self):
        self.submit("1", ledger.create("a"))
        key = self.ask("2", add("a"))
        record, results = self.log.add("2", add("a"))
        record = record._replace(hlc=self.log.records[0].hlc)
        self.checker.add_record(record)
        self.accept(key, record, results)
        self.assert_named("CLOCK_BACK")

    def test_two_hashes_of_one_state_are_named(self):
        self.submit("1", ledger.create("a"))
        self.checker.answer_read(self.read("state"), State(1, b"another", 1))
        self.assert_named("STATE_HASH")

    def test_a_state_hash_that_the_second_implementation_does_not_make_is_named(self):
        machine = ledger.transition_message(ledger.register()).register_machine.machine
        machine.version = machine.semantics_version = 1
        self.checker = Checker(GENESIS, machine)
        self.submit("1", ledger.create("a"))
        self.assert_named("STATE_HASH")

    def test_a_log_that_is_trimmed_too_far_is_named(self):
        self.checker.trimmed(1, 5, 10)
        self.checker.trimmed(91, 100, 10, oldest_snapshot_index=95)
        self.assert_named()
        self.checker.trimmed(92, 100, 10)
        self.checker.trimmed(91, 100, 10, oldest_snapshot_index=89)
        self.assertEqual(self.checker.counts, {"TRIMMED_TOO_FAR": 2})

    # ------------------------------------------------------------ watches

    def test_a_watch_that_leaves_out_a_match_has_a_gap(self):
        for each in "ab":
            self.submit(each, ledger.create(each))
        for key, index in (("bookmark", 2), ("response", 2)):
            self.checker.watch(key, WatchFilter(), 1)
            digests = self.log.records[1].watched[0][2:] if key == "response" else ()
            self.checker.watch_sent(key, index, digests)
        self.assert_named("WATCH_GAP")

    def test_a_watch_that_sends_a_record_again_repeats(self):
        record = self.submit("1", ledger.create("a"))
        self.checker.watch("w", WatchFilter(), 1)
        for _ in range(2):
            self.checker.watch_sent("w", 1, record.watched[0][2:])
        self.assert_named("WATCH_REPEAT")

    def test_a_watch_that_sends_other_changes_is_wrong(self):
        self.submit("1", ledger.create("a"))
        self.checker.watch("w", WatchFilter(), 1)
        self.checker.watch_sent("w", 1, (b"other",))
        self.assert_named("WATCH_WRONG")

    def test_a_watch_of_what_is_gone_is_named(self):
        self.submit("1", ledger.create("a"))
        self.checker.watch("w", WatchFilter(), 1)
        self.checker.watch_sent("w", 2, (b"?",))
        self.checker.watch_ahead("w")
        self.assert_named("SEEN_AND_GONE")

    def test_initial_instances_that_are_not_those_of_their_index_are_wrong(self):
        self.submit("1", ledger.create("a"))
        self.checker.watch("w", WatchFilter(), 0)
        self.checker.watch_initial("w", 1, {}, True)
        self.assert_named("WRONG_READ")

    def test_a_read_after_a_watch_showed_more_is_stale(self):
        self.submit("1", ledger.create("a"))
        old = self.log.state["a"]
        key = self.ask("2", add("a"))
        record, results = self.commit("2", add("a"))
        self.checker.watch("w", WatchFilter(), 2)
        self.checker.watch_sent("w", 2, record.watched[0][2:])
        self.checker.answer_read(self.read("instance", "a"), old)
        self.accept(key, record, results)
        self.assert_named("STALE_READ")


if __name__ == "__main__":
    test_main.run()
