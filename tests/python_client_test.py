"""What a client in Python sees of a real server, over restarts and kill -9 too."""

import json
import queue
import threading
import unittest

import grpc
import swoosh_server
import test_main
from google.protobuf import json_format
from swoosh.v1 import admin_pb2, instance_pb2, orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import (
    CALL_SECONDS_MAX,
    COUNTER,
    Refusal,
    all_instances,
    all_records,
    create,
    delete,
    refusal_of,
    register,
    request,
    send,
    submit,
)

DOOR = json.loads((swoosh_server.ROOT / "examples/machines/door.json").read_text())


class Watcher(threading.Thread):
    """Watches from record 1, over restarts, and keeps what it was told."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.records = []  # (index, changes) of every response with changes
        self.resumed_count = 0
        self.error = None
        self._server = server
        self._next_index = 1
        self._history_id = ""
        self._progress = threading.Condition()
        self._call = None
        self._stopping = False

    def run(self):
        with self._server.new_channel() as channel:
            stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
            while not self._stopping:
                try:
                    self._watch(stub)
                except grpc.RpcError as error:
                    if error.code() not in (
                        grpc.StatusCode.UNAVAILABLE,
                        grpc.StatusCode.CANCELLED,
                    ):
                        self.error = Refusal.of_error(error)
                        return
                    self.resumed_count += 1

    def _watch(self, stub):
        self._call = stub.Watch(
            orchestrator_pb2.WatchRequest(
                from_index=self._next_index, history_id=self._history_id
            ),
            wait_for_ready=True,
        )
        for response in self._call:
            with self._progress:
                if response.changes:
                    self.records.append((response.index, list(response.changes)))
                self._next_index = response.index + 1
                self._history_id = response.history_id
                self._progress.notify_all()

    def wait_for(self, index):
        with self._progress:
            return self._progress.wait_for(
                lambda: self._next_index > index or self.error, CALL_SECONDS_MAX
            )

    def stop(self):
        self._stopping = True
        self._call.cancel()
        self.join(CALL_SECONDS_MAX)


class PythonClientTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), register(DOOR))

    def restart_after_kill(self):
        self.server.kill()
        self.server.start()

    def get(self, instance_id, **fields):
        return self.stub.GetInstance(
            orchestrator_pb2.GetInstanceRequest(instance_id=instance_id, **fields),
            timeout=CALL_SECONDS_MAX,
        )

    def test_submit_answers_each_transition_with_the_instance_it_left(self):
        answer = submit(
            self.stub,
            create("a", context={"count": 5}),
            send("a", data={"by": "x"}),
            send("a", "stop"),
            view=orchestrator_pb2.VIEW_CONTEXT,
        )
        created, added, stopped = (result.instance for result in answer.results)
        self.assertEqual(answer.index, 2)
        self.assertEqual(len(answer.record_hash), 32)
        self.assertEqual({each.version for each in (created, added, stopped)}, {2})
        self.assertEqual(created.context["count"], 5)
        self.assertEqual(added.context["count"], 6)
        self.assertEqual(added.configuration, ["counter", "counting"])
        self.assertEqual(stopped.configuration, ["counter", "stopped"])
        self.assertEqual(stopped.status, instance_pb2.Instance.DONE)
        self.assertEqual(stopped.output.number_value, 6)

    def test_a_proposal_is_applied_whole_or_not_at_all(self):
        refusal = refusal_of(submit, self.stub, create("a"), send("a"), send("b"))
        self.assertEqual(refusal.reason, "INSTANCE_NOT_FOUND")
        self.assertEqual(refusal_of(self.get, "a").reason, "INSTANCE_NOT_FOUND")

    def test_a_stream_answers_in_order_and_goes_on_after_refusals(self):
        requests = [request(create("a"), request_id="create")]
        for number in range(500):
            name = "no.such.event" if number % 50 == 7 else "add"
            requests.append(request(send("a", name, {"by": "s"}), request_id=f"{number}"))
        answers = list(self.stub.SubmitStream(iter(requests), timeout=CALL_SECONDS_MAX))
        self.assertEqual(
            [each.request_id for each in answers], [each.request_id for each in requests]
        )
        refused = [each for each in answers if each.HasField("status")]
        self.assertEqual([each.request_id for each in refused], [f"{n}" for n in range(7, 500, 50)])
        for each in refused:
            self.assertEqual(Refusal.of_status(each.status).reason, "EVENT_NOT_ENABLED")
            self.assertEqual(each.index, 0)
        accepted = [each.index for each in answers if not each.HasField("status")]
        self.assertEqual(accepted, list(range(2, 2 + len(accepted))))
        self.assertEqual(self.get("a").context["count"], 490)

    def test_all_pages_of_a_list_are_of_one_index_while_writes_go_on(self):
        ids = [f"i{number}" for number in range(300)]
        submit(self.stub, *[create(each) for each in ids])
        asked = orchestrator_pb2.ListInstancesRequest(page_size=37, machine="counter")
        first = page = self.stub.ListInstances(asked, timeout=CALL_SECONDS_MAX)
        found = list(page.instances)
        while page.next_page_token:
            last = found[-1].id if found else ids[0]
            touched = [each for each in ids if each != last]
            submit(self.stub, *[send(each) for each in touched])
            submit(self.stub, delete(last), create(f"new{len(found)}"))
            ids = touched
            asked.page_token = page.next_page_token
            page = self.stub.ListInstances(asked, timeout=CALL_SECONDS_MAX)
            self.assertEqual(page.index, first.index)
            found += page.instances
        self.assertEqual(sorted(each.id for each in found), sorted(f"i{n}" for n in range(300)))
        self.assertEqual({each.version for each in found}, {first.index})
        self.assertEqual({each.context["count"] for each in found}, {0})
        self.assertLess(len(ids), 300)

    def test_list_filters_hold_together(self):
        submit(self.stub, *[create(f"a{n}") for n in range(5)], create("d", "door"))
        submit(self.stub, send("a1", "stop"), send("a2"))
        running = all_instances(
            self.stub, machine="counter", id_prefix="a", status=instance_pb2.Instance.RUNNING
        )
        self.assertEqual(sorted(each.id for each in running), ["a0", "a2", "a3", "a4"])
        stopped = all_instances(self.stub, states=["stopped", "locked"])
        self.assertEqual(sorted(each.id for each in stopped), ["a1", "d"])
        self.assertEqual(list(all_instances(self.stub, namespace="other")), [])

    def test_a_watch_resumes_after_kill_without_gap_or_repeat(self):
        watcher = Watcher(self.server)
        watcher.start()
        submitted = queue.Queue()
        submitter = threading.Thread(
            target=self.submit_over_restarts, args=(submitted,), daemon=True
        )
        submitter.start()
        for _ in range(3):
            for _ in range(60):
                submitted.get(timeout=CALL_SECONDS_MAX)
            self.restart_after_kill()
        submitter.join(CALL_SECONDS_MAX)
        last_index = self.stub.GetState(orchestrator_pb2.GetStateRequest()).index
        self.assertTrue(watcher.wait_for(last_index))
        watcher.stop()
        self.assertIsNone(watcher.error)
        self.assertGreaterEqual(watcher.resumed_count, 3)
        told = [(index, changes) for index, changes in watcher.records]
        kept = [(each.index, list(each.changes)) for each in all_records(self.stub) if each.changes]
        self.assertEqual([index for index, _ in told], [index for index, _ in kept])
        self.assertEqual(told, kept)
        self.assertEqual(self.get("w").context["count"], 240)

    def submit_over_restarts(self, submitted):
        """Sends 240 events of which each is applied once, whatever the server goes through."""
        with self.server.new_channel() as channel:
            stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
            stub.Submit(request(create("w"), request_id="w"), wait_for_ready=True)
            for number in range(240):
                while True:
                    try:
                        stub.Submit(
                            request(send("w"), request_id=f"w{number}"),
                            wait_for_ready=True,
                            timeout=CALL_SECONDS_MAX,
                        )
                        break
                    except grpc.RpcError as error:
                        if error.code() != grpc.StatusCode.UNAVAILABLE:
                            raise
                submitted.put(number)

    def test_a_watch_begins_with_the_instances_that_match_now(self):
        submit(self.stub, create("a"), create("b"), create("d", "door"))
        submit(self.stub, send("b"))
        call = self.stub.Watch(
            orchestrator_pb2.WatchRequest(initial=True, machines=["counter"]),
            timeout=CALL_SECONDS_MAX,
        )
        initial = {}
        for response in call:
            initial |= {each.id: each for each in response.initial}
            if response.initial_complete:
                break
        self.assertEqual(sorted(initial), ["a", "b"])
        self.assertEqual(initial["b"].context["count"], 1)
        self.assertEqual(response.index, 3)
        submit(self.stub, send("d", "unlock", {"code": "0000"}))
        submit(self.stub, send("a"))
        changes = next(response for response in call if response.changes)
        self.assertEqual((changes.index, changes.changes[0].instance_id), (5, "a"))
        call.cancel()

    def test_a_watch_that_nothing_matches_tells_how_far_it_has_come(self):
        submit(self.stub, create("a"), create("b"))
        call = self.stub.Watch(
            orchestrator_pb2.WatchRequest(from_index=3, instance_ids=["b"]),
            timeout=CALL_SECONDS_MAX,
        )
        for _ in range(3):
            submit(self.stub, send("a"))
        bookmark = next(response for response in call if response.index >= 5)
        self.assertFalse(bookmark.changes)
        submit(self.stub, send("b"))
        told = next(response for response in call if response.changes)
        self.assertEqual([each.instance_id for each in told.changes], ["b"])
        self.assertEqual(told.index, 6)
        call.cancel()

    def test_what_was_trimmed_is_out_of_range_and_the_rest_is_there(self):
        server = swoosh_server.Server("--retain_records=20")
        self.addCleanup(server.close)
        stub = server.orchestrator
        submit(stub, register(COUNTER), create("a"))
        for _ in range(3):
            for _ in range(30):
                submit(stub, send("a"))
            server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest())
        # Two snapshots are kept, of 61 and 91, and the log after the older one.
        trimmed = server.admin.TrimLog(admin_pb2.TrimLogRequest(first_kept=1000))
        self.assertEqual(trimmed.first_index, 62)
        for call in (
            lambda: stub.ListRecords(orchestrator_pb2.ListRecordsRequest(from_index=61)),
            lambda: next(stub.Watch(orchestrator_pb2.WatchRequest(from_index=61))),
            lambda: stub.GetInstance(
                orchestrator_pb2.GetInstanceRequest(instance_id="a", at_index=60)
            ),
        ):
            refusal = refusal_of(call)
            self.assertEqual(refusal.code, grpc.StatusCode.OUT_OF_RANGE)
            self.assertEqual(refusal.reason, "INDEX_TRIMMED")
            self.assertEqual(refusal.metadata, {"first_index": "62", "commit_index": "91"})
        self.assertEqual([each.index for each in all_records(stub)], list(range(62, 92)))
        server.kill()
        server.start()
        asked = orchestrator_pb2.GetInstanceRequest(instance_id="a")
        self.assertEqual(stub.GetInstance(asked).context["count"], 90)

    def test_a_watch_refuses_another_history_and_an_index_ahead(self):
        for fields, code, reason in (
            ({"from_index": 1, "history_id": "other"}, "ABORTED", "HISTORY_MISMATCH"),
            ({"from_index": 99}, "OUT_OF_RANGE", "INDEX_AHEAD"),
            ({"from_index": 1, "initial": True}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ):
            with self.subTest(reason=reason):
                call = self.stub.Watch(
                    orchestrator_pb2.WatchRequest(**fields), timeout=CALL_SECONDS_MAX
                )
                refusal = refusal_of(next, call)
                self.assertEqual((refusal.code.name, refusal.reason), (code, reason))
        self.assertIn("from_index", refusal.violations)

    def test_an_index_out_of_range_comes_with_the_range_there_is(self):
        refusal = refusal_of(self.get, "a", at_index=99)
        self.assertEqual(refusal.code, grpc.StatusCode.OUT_OF_RANGE)
        self.assertEqual(refusal.reason, "INDEX_AHEAD")
        self.assertEqual(refusal.metadata, {"first_index": "1", "commit_index": "1"})

    def test_a_denied_event_tells_edges_guards_and_what_is_enabled(self):
        submit(self.stub, create("d", "door"))
        for _ in range(3):
            submit(self.stub, send("d", "unlock", {"code": "1"}))
        refusal = refusal_of(submit, self.stub, send("d", "reset", {"by": "thief"}))
        self.assertEqual(refusal.code, grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(refusal.reason, "GUARD_FALSE")
        (edge,) = refusal.denial.edges
        self.assertEqual((edge.edge, edge.guard), ("reset", "event.data.by == 'caretaker'"))
        self.assertIn("thief", edge.reason)
        self.assertEqual(list(refusal.denial.enabled_events), ["reset"])
        refusal = refusal_of(submit, self.stub, send("d", "open"))
        self.assertEqual(refusal.reason, "EVENT_NOT_ENABLED")
        self.assertEqual(list(refusal.denial.enabled_events), ["reset"])
        self.assertFalse(refusal.denial.edges)

    def test_a_repeated_request_gets_its_first_answer_also_after_kill(self):
        submit(self.stub, create("a"))
        asked = request(send("a"), request_id="once", view=orchestrator_pb2.VIEW_CONTEXT)
        first = self.stub.Submit(asked)
        submit(self.stub, send("a"))
        for killed in (False, True):
            if killed:
                self.restart_after_kill()
            with self.subTest(killed=killed):
                again = self.stub.Submit(asked)
                self.assertFalse(first.duplicate)
                self.assertTrue(again.duplicate)
                self.assertEqual(again.index, first.index)
                self.assertEqual(again.record_hash, first.record_hash)
                self.assertEqual(again.hlc, first.hlc)
                self.assertEqual(again.results[0].instance.context["count"], 1)
                self.assertEqual(self.get("a").context["count"], 2)
                refusal = refusal_of(submit, self.stub, send("a", "stop"), request_id="once")
                self.assertEqual(refusal.code, grpc.StatusCode.INVALID_ARGUMENT)
                self.assertEqual(refusal.reason, "REQUEST_ID_REUSED")
        # Another namespace has its own request ids, and a refusal is not remembered.
        refusal = refusal_of(submit, self.stub, send("b"), request_id="later")
        self.assertEqual(refusal.code, grpc.StatusCode.NOT_FOUND)
        submit(self.stub, create("b"))
        self.assertFalse(submit(self.stub, send("b"), request_id="later").duplicate)
        self.assertFalse(
            submit(self.stub, register(COUNTER), request_id="once", namespace="other").duplicate
        )

    def test_the_history_of_an_instance_is_read_back_record_by_record(self):
        submit(self.stub, create("a"), create("b"))
        for _ in range(5):
            submit(self.stub, send("b"))
            submit(self.stub, send("a"))
        page = self.stub.ListRecords(
            orchestrator_pb2.ListRecordsRequest(instance_id="a", page_size=4)
        )
        indexes = [each.index for each in page.records]
        while page.next_page_token:
            page = self.stub.ListRecords(
                orchestrator_pb2.ListRecordsRequest(
                    instance_id="a", page_size=4, page_token=page.next_page_token
                )
            )
            indexes += [each.index for each in page.records]
        self.assertEqual(indexes, [12, 10, 8, 6, 4, 2])
        for count, index in enumerate((2, 4, 6)):
            self.assertEqual(self.get("a", at_index=index).context["count"], count)
        self.assertEqual(self.get("a", at_index=7).context["count"], 2)

    def test_expected_version_lets_one_of_two_writers_win(self):
        version = submit(self.stub, create("a")).index
        submit(self.stub, send("a", expected_version=version))
        refusal = refusal_of(submit, self.stub, send("a", expected_version=version))
        self.assertEqual(refusal.code, grpc.StatusCode.ABORTED)
        self.assertEqual(refusal.reason, "VERSION_MISMATCH")
        submit(self.stub, create("b", expected_version=0))

    def test_a_machine_is_versioned_and_the_same_definition_is_the_same_version(self):
        again = submit(self.stub, register(COUNTER)).results[0].machine
        self.assertEqual(again.version, 1)
        changed = json.loads(json.dumps(COUNTER))
        changed["context"]["count"] = 100
        second = submit(self.stub, register(changed)).results[0].machine
        self.assertEqual(second.version, 2)
        self.assertNotEqual(second.definition_hash, again.definition_hash)
        submit(self.stub, create("old", machine_version=1), create("new"))
        self.assertEqual(self.get("old").context["count"], 0)
        self.assertEqual(self.get("new").context["count"], 100)
        machine = self.stub.GetMachine(
            orchestrator_pb2.GetMachineRequest(name="counter", version=1)
        )
        self.assertEqual(
            json_format.MessageToDict(machine, preserving_proto_field_name=True)["root"],
            COUNTER["root"],
        )


if __name__ == "__main__":
    test_main.run()
