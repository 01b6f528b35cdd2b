"""The incident desk's sample: the same state and answers, whatever is killed on the way."""

import json
import re
import unittest

import incident_desk_run
import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import CALL_SECONDS_MAX, create, refusal_of, register, send, submit

SERVER_KILLS = 10
CLIENT_KILLS = 10
DAY = 24 * 3600
# Of the sample: by the timer, of those confirmed by the log, and by the log before the timer.
CLOSED = (27, 23, 2)


class IncidentDeskTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = swoosh_server.temporary_folder()
        cls.requests = incident_desk_run.convert(incident_desk_run.DESK / "sample.xes", folder)
        cls.whole = incident_desk_run.run_whole(cls.requests)

    def check(self, server_kills, client_kills):
        killed = incident_desk_run.run_with_kills(self.requests, server_kills, client_kills, SEED)
        self.assertEqual(
            (killed.index, killed.state_hash), (self.whole.index, self.whole.state_hash)
        )
        self.assertEqual(killed.report, self.whole.report)
        self.assertEqual(killed.summary["refused"], self.whole.summary["refused"])
        self.assertEqual(
            killed.summary["accepted"] + killed.summary["duplicates"],
            self.whole.summary["accepted"],
        )

    def test_the_whole_sample_runs_and_each_request_is_answered(self):
        self.assertEqual(self.whole.summary["answered"], 349)
        self.assertEqual(self.whole.summary["accepted"], 330)
        self.assertEqual(self.whole.index, 331)
        self.assertRegex(self.whole.report, r"events allowed +290 ")
        self.assertRegex(self.whole.report, r"events denied +19 ")

    def test_a_client_rides_through_kills_of_the_server(self):
        self.check(SERVER_KILLS, 0)

    def test_a_killed_client_goes_on_from_its_checkpoint(self):
        self.check(0, CLIENT_KILLS)

    def test_kills_of_both_change_nothing(self):
        self.check(SERVER_KILLS // 2, CLIENT_KILLS // 2)


class EventTimeTest(unittest.TestCase):
    """The same log in its own time."""

    @classmethod
    def setUpClass(cls):
        folder = swoosh_server.temporary_folder()
        cls.lines = incident_desk_run.convert_in_event_time(
            incident_desk_run.DESK / "sample.xes", folder
        )
        cls.whole = incident_desk_run.run_in_event_time(cls.lines)

    def check(self, server_kills, client_kills):
        killed = incident_desk_run.run_in_event_time(
            self.lines, server_kills, client_kills, seed=SEED
        )
        self.assertEqual(
            (killed.index, killed.state_hash), (self.whole.index, self.whole.state_hash)
        )
        self.assertEqual(killed.report, self.whole.report)
        self.assertEqual(killed.summary["refused"], self.whole.summary["refused"])

    def test_the_timer_closes_what_the_log_closes_after_a_week(self):
        self.assertEqual(self.whole.summary["answered"], 349)
        found = re.search(
            r"closed\n +(\d+)  by the timer, of which the log closes (\d+) too, later\n"
            r" +(\d+)  by the log, before",
            self.whole.report,
        )
        self.assertEqual(tuple(map(int, found.groups())), CLOSED)
        self.assertRegex(self.whole.report, r"events denied +19 ")

    def test_a_feeder_rides_through_kills_of_the_server(self):
        self.check(SERVER_KILLS, 0)

    def test_a_killed_feeder_goes_on_after_its_answers(self):
        self.check(0, CLIENT_KILLS // 2)

    def test_kills_of_both_change_nothing(self):
        self.check(SERVER_KILLS // 2, CLIENT_KILLS // 2)


class MachineTest(unittest.TestCase):
    """What no case of the sample shows."""

    def setUp(self):
        self.server = swoosh_server.Server("--clock=manual")
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        self.time = 0
        machine = json.loads((incident_desk_run.DESK / "machine.json").read_text())
        owner = {"group": "A", "resource": "r", "country": "se"}
        context = {"impact": "Low", "product": "p", "owner": owner}
        submit(self.stub, register(machine), create("i", "incident", context=context))

    def event(self, name, group="A"):
        return send("i", name, self.data(group))

    def data(self, group):
        owner = {"group": group, "resource": "r", "country": "se"}
        return {"time": self.time, "impact": "Low", "owner": owner}

    def send(self, *names):
        """Sends events; returns the active states after the last."""
        for name in names:
            event, _, group = name.partition(" ")
            answer = submit(self.stub, self.event(event, group or "A"))
        return list(answer.results[0].instance.configuration)

    def advance(self, seconds):
        self.time += seconds
        to = admin_pb2.AdvanceClockRequest()
        to.to.FromMicroseconds(round(self.time * 1e6))
        self.server.admin.AdvanceClock(to, timeout=CALL_SECONDS_MAX)

    def instance(self):
        asked = orchestrator_pb2.GetInstanceRequest(
            instance_id="i", view=orchestrator_pb2.VIEW_FULL
        )
        return self.stub.GetInstance(asked, timeout=CALL_SECONDS_MAX)

    def emitted(self):
        asked = orchestrator_pb2.ListRecordsRequest(instance_id="i")
        records = self.stub.ListRecords(asked, timeout=CALL_SECONDS_MAX).records
        return [each.name for record in reversed(records) for each in record.changes[0].emitted]

    def play_pingpong(self):
        self.send("accepted.in_progress")
        for group in "BABAB":
            self.send(f"queued.awaiting_assignment {group}")
        return self.send("accepted.in_progress B")

    def test_a_reopened_incident_gets_the_attention_that_it_had(self):
        self.assertEqual(self.play_pingpong()[-2:], ["raised", "raised.pingpong"])
        self.assertEqual(self.send("completed.resolved B")[1:], ["completed", "resolved"])
        self.advance(8 * DAY)
        self.assertEqual(list(self.instance().configuration)[1:], ["completed", "closed"])
        reopened = self.send("accepted.in_progress B")
        self.assertEqual(
            reopened[1:],
            ["open", "work", "accepted", "working", "in_progress"]
            + ["attention", "raised", "raised.pingpong"],
        )
        self.assertEqual(self.emitted().count("escalate"), 1)

    def test_one_that_never_had_any_is_calm_again(self):
        self.send("accepted.in_progress", "completed.resolved")
        self.assertEqual(self.send("queued.awaiting_assignment")[-2:], ["attention", "calm"])

    def test_the_timer_closes_to_the_microsecond_and_not_before(self):
        self.send("accepted.in_progress", "completed.resolved")
        self.advance(7 * DAY - 1e-6)
        self.assertEqual(self.instance().configuration[-1], "resolved")
        self.advance(1e-6)
        self.assertEqual(self.instance().configuration[-1], "closed")
        self.assertEqual(self.instance().context["last_event_at"], 7 * DAY)

    def test_reopening_takes_the_timer_back(self):
        self.send("accepted.in_progress", "completed.resolved")
        self.advance(3 * DAY)
        self.send("accepted.in_progress")
        self.assertFalse(self.instance().timers)
        self.advance(30 * DAY)
        self.assertIn("in_progress", self.instance().configuration)

    def test_the_log_may_confirm_what_the_timer_closed_once(self):
        self.send("accepted.in_progress", "completed.resolved")
        self.advance(7 * DAY)
        self.send("completed.closed")
        refusal = refusal_of(submit, self.stub, self.event("completed.closed"))
        self.assertEqual(refusal.reason, "GUARD_FALSE")


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run()
