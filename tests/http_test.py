"""The contract over HTTP: answers, errors and limits as over gRPC, and watches that resume."""

import contextlib
import http.client
import json
import shutil
import socket
import threading
import time
import unittest

import drill
import grpc
import swoosh_http
import swoosh_server
import test_main
from google.protobuf import json_format
from google.rpc import status_pb2
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import COUNTER, create, register, send, submit

WATCHES_MAX = 64  # kHttpWatchesMax
BODY_BYTES_MAX = 4 * 1024 * 1024
AWAIT_SECONDS_MAX = 60
PAGE = swoosh_server.ROOT / "README.md"


def as_json(*transitions):
    return [json_format.MessageToDict(each) for each in transitions]


def await_true(condition):
    deadline = time.monotonic() + AWAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.01)


def status_of_grpc(call, *arguments):
    """The google.rpc.Status that a call is refused with, as JSON."""
    try:
        call(*arguments)
    except grpc.RpcError as error:
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                return json_format.MessageToDict(status_pb2.Status.FromString(value))
        return {"code": error.code().value[0], "message": error.details()}
    raise AssertionError("it is not refused")


class HttpTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server(low_ports=True)
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), create("a"), create("b"))

    def ask(self, path, *arguments, **more):
        return swoosh_http.ask(self.server, path, *arguments, **more)

    def events(self, query="", **more):
        source = swoosh_http.EventSource(self.server, query, **more)
        self.addCleanup(source.close)
        return source

    def assert_refused(self, answer, http_code, code, reason=""):
        found = (answer.code, answer.json["code"], answer.reason)
        self.assertEqual(found, (http_code, code.value[0], reason), answer.body)

    def assert_serving(self):
        self.assertEqual(self.ask("/healthz").code, 200)
        self.assertEqual(self.ask("/v1/state").code, 200)


class ReadTest(HttpTest):
    def test_each_path_answers_what_its_call_answers(self):
        submit(self.stub, send("a", data={"by": "me"}), request_id="r-1")
        of = orchestrator_pb2
        full = of.VIEW_FULL
        admin = self.server.admin.GetStatus(admin_pb2.GetStatusRequest())
        history = of.ListRecordsRequest(instance_id="a")
        cases = {
            "/v1/state": self.stub.GetState(of.GetStateRequest()),
            "/v1/instances/a": self.stub.GetInstance(of.GetInstanceRequest(instance_id="a")),
            "/v1/instances/a?view=VIEW_FULL": self.stub.GetInstance(
                of.GetInstanceRequest(instance_id="a", view=full)
            ),
            "/v1/instances/a?at_index=1": self.stub.GetInstance(
                of.GetInstanceRequest(instance_id="a", at_index=1)
            ),
            "/v1/instances?idPrefix=a&states=stopped&states=counting": self.stub.ListInstances(
                of.ListInstancesRequest(id_prefix="a", states=["stopped", "counting"])
            ),
            "/v1/instances?namespace=other": self.stub.ListInstances(
                of.ListInstancesRequest(namespace="other")
            ),
            "/v1/instances/a/history": self.stub.ListRecords(history),
            "/v1/machines": self.stub.ListMachines(of.ListMachinesRequest()),
            "/v1/machines/counter": self.stub.GetMachine(of.GetMachineRequest(name="counter")),
            "/v1/records?from_index=2&raw=true": self.stub.ListRecords(
                of.ListRecordsRequest(from_index=2, raw=True)
            ),
            "/v1/status": admin,
        }
        for path, message in cases.items():
            with self.subTest(path):
                answer = self.ask(path)
                self.assertEqual(answer.code, 200, answer.body)
                self.assertEqual(answer.json, json_format.MessageToDict(message))
                head = self.ask(path, "HEAD")
                self.assertEqual((head.code, head.body), (200, b""))
                self.assertEqual(head.headers["Content-Length"], str(len(answer.body)))

    def test_pages_are_turned(self):
        found, token = [], ""
        while True:
            page = self.ask(f"/v1/instances?page_size=1&page_token={token}").json
            found += [each["id"] for each in page.get("instances", ())]
            token = page.get("nextPageToken")
            if not token:
                break
        self.assertEqual(sorted(found), ["a", "b"])

    def test_nothing_may_be_kept_or_be_read_by_other_sites(self):
        headers = self.ask("/v1/state", headers={"Origin": "http://localhost:1"}).headers
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertFalse([name for name in headers if name.startswith("Access-Control")])


class SubmitTest(HttpTest):
    def test_a_proposal_is_carried_out_once(self):
        transitions = as_json(create("c"), send("c", data={"by": "ü"}))
        first = swoosh_http.submit(self.server, *transitions, requestId="r").json
        again = swoosh_http.submit(self.server, *transitions, requestId="r").json
        self.assertEqual((first["index"], again["index"], again["duplicate"]), ("2", "2", True))
        self.assertEqual(self.ask("/v1/instances/c").json["context"], {"count": 1, "last": "ü"})

    def test_a_body_may_come_in_chunks(self):
        body = json.dumps({"transitions": as_json(send("a"))}).encode()
        pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
        connection = http.client.HTTPConnection(self.server.http_address, timeout=30)
        self.addCleanup(connection.close)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        connection.request("POST", "/v1/submit", iter(pieces), headers, encode_chunked=True)
        self.assertEqual(json.load(connection.getresponse())["index"], "2")

    def test_the_largest_body_is_taken_and_answered(self):
        # All of it text, so that the message is no larger than its JSON.
        empty = {"transitions": [], "requestId": "r"}
        one = as_json(send("a", data={"by": "x" * 60_000}))[0]
        count = BODY_BYTES_MAX // len(json.dumps(one)) - 2  # a record is bounded, too
        body = json.dumps({**empty, "transitions": [one] * count})
        body += " " * (BODY_BYTES_MAX - len(body))
        answer = self.ask(
            "/v1/submit", "POST", body, headers={"Content-Type": "application/json"}
        )
        self.assertEqual(answer.code, 200, answer.body[:300])
        self.assertEqual(self.ask("/v1/instances/a").json["context"]["count"], count)

    def test_many_at_a_time_are_all_carried_out_or_told_that_they_are_too_many(self):
        answers = []

        def client():
            for _ in range(20):
                answers.append(swoosh_http.submit(self.server, *as_json(send("a"))))

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = [answer for answer in answers if answer.code == 200]
        self.assertEqual({answer.code for answer in answers} - {429}, {200})
        self.assertEqual(len({answer.json["index"] for answer in accepted}), len(accepted))
        count = self.ask("/v1/instances/a").json["context"]["count"]
        self.assertEqual(count, len(accepted))


class ErrorTest(HttpTest):
    def test_a_refusal_is_the_status_that_grpc_has(self):
        codes = grpc.StatusCode
        of = orchestrator_pb2
        submit(self.stub, create("done"), send("done", "stop"))
        cases = [
            (codes.INVALID_ARGUMENT, 400, ()),
            (codes.INVALID_ARGUMENT, 400, (send("no such id!"),)),
            (codes.NOT_FOUND, 404, (send("nobody"),)),
            (codes.ALREADY_EXISTS, 409, (create("a"),)),
            (codes.ABORTED, 409, (send("a", expected_version=99),)),
            (codes.FAILED_PRECONDITION, 400, (send("a", "dance"),)),
            (codes.FAILED_PRECONDITION, 400, (send("done", "add"),)),
        ]
        for code, http_code, transitions in cases:
            with self.subTest(code=code, transitions=transitions):
                answer = swoosh_http.submit(self.server, *as_json(*transitions))
                expected = status_of_grpc(submit, self.stub, *transitions)
                self.assertEqual((answer.code, answer.json["code"]), (http_code, code.value[0]))
                self.assertEqual(answer.json, expected)
        answer = self.ask("/v1/records?from_index=99")
        expected = status_of_grpc(self.stub.ListRecords, of.ListRecordsRequest(from_index=99))
        self.assertEqual((answer.code, answer.json), (400, expected))
        denial = swoosh_http.submit(self.server, *as_json(send("a", "dance"))).json["details"][1]
        self.assertEqual(denial["@type"], "type.googleapis.com/swoosh.v1.Denial")
        self.assertEqual(denial["enabledEvents"], ["add", "stop"])

    def test_what_is_not_understood_is_named(self):
        of = grpc.StatusCode
        cases = {
            "/v1/instances?page_size=x": ("INVALID_FIELD", "page_size"),
            "/v1/instances?colour=red": ("UNKNOWN_FIELD", "colour"),
            "/v1/instances/a?instance_id=b": ("INVALID_FIELD", "instance_id"),
            "/v1/instances/%ff": ("INVALID_FIELD", "URL"),
            "/v1/instances?namespace=%zz": ("INVALID_FIELD", "URL"),
            "/v1/watch?from_index=1&initial=true": ("INVALID_FIELD", "from_index"),
        }
        for path, (reason, field) in cases.items():
            with self.subTest(path):
                answer = self.ask(path)
                self.assert_refused(answer, 400, of.INVALID_ARGUMENT, reason)
                violations = answer.json["details"][1]["fieldViolations"]
                self.assertEqual([each["field"] for each in violations], [field])
        transition = {"sendEvent": {"instanceId": "a", "evnt": "add"}}
        answer = swoosh_http.submit(self.server, transition)
        self.assert_refused(answer, 400, of.INVALID_ARGUMENT, "UNKNOWN_FIELD")
        self.assertIn("transitions[0].send_event.evnt", answer.json["message"])
        for body in ("", "{", "[]", "\0", '{"transitions": [' * 1000, "[" * BODY_BYTES_MAX):
            answer = self.ask(
                "/v1/submit", "POST", body, headers={"Content-Type": "application/json"}
            )
            self.assert_refused(answer, 400, of.INVALID_ARGUMENT, "INVALID_FIELD")
        self.assertEqual(self.ask("/v1/state").json["index"], "1")

    def test_what_is_no_request_of_the_contract_is_refused_by_its_http_status(self):
        of = grpc.StatusCode
        for path in ("/v1", "/v1/state/", "/v2/state", "/v1/snapshot", "/index.html"):
            self.assert_refused(self.ask(path), 404, of.NOT_FOUND)
        for method, path, allow in (
            ("POST", "/v1/state", "GET, HEAD"),
            ("DELETE", "/v1/instances/a", "GET, HEAD"),
            ("OPTIONS", "/v1/submit", "POST"),
            ("GET", "/v1/submit", "POST"),
            ("PUT", "/v1/watch", "GET, HEAD"),
        ):
            answer = self.ask(path, method)
            self.assert_refused(answer, 405, of.UNIMPLEMENTED)
            self.assertEqual(answer.headers["Allow"], allow)
        self.assertEqual(self.ask("/v1/submit", "HEAD").code, 405)
        for size in (BODY_BYTES_MAX + 1, 2 * BODY_BYTES_MAX):
            answer = self.ask(
                "/v1/submit", "POST", b" " * size, headers={"Content-Type": "application/json"}
            )
            self.assert_refused(answer, 413, of.INVALID_ARGUMENT, "TOO_LARGE")

    def test_a_page_of_another_site_can_do_nothing(self):
        of = grpc.StatusCode
        body = json.dumps({"transitions": as_json(send("a"))})
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""):
            answer = self.ask("/v1/submit", "POST", body, headers={"Content-Type": kind})
            self.assert_refused(answer, 415, of.INVALID_ARGUMENT)
        for headers in ({"Host": "evil.com:80"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assert_refused(
                self.ask("/v1/state", headers=headers), 403, of.PERMISSION_DENIED
            )
        self.assertEqual(self.ask("/v1/state").json["index"], "1")
        for headers in ({"Host": "swoosh.default.svc"}, {"Sec-Fetch-Site": "same-origin"}):
            self.assertEqual(self.ask("/v1/state", headers=headers).code, 200)
        # What probes and scrapes ask for has nothing to hide.
        self.assertEqual(self.ask("/readyz", headers={"Host": "node.example.com"}).code, 200)

    def test_bytes_that_are_no_request_do_no_harm(self):
        for request in (
            b"\0" * 100,
            b"GET /v1/state HTTP/1.1\r\nAuthorization: \xff\xfe\r\n\r\n",
            b"GET /v1/state HTTP/1.1\r\nAuthorization: " + b"x" * 14_000 + b"\r\n\r\n",
            b"GET http://evil.com/v1/state HTTP/1.1\r\n\r\n",
            b"GET /v1/" + b"x" * 100_000,
            b"GET * HTTP/1.1\r\n\r\n",
            b"POST /v1/submit HTTP/1.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{",
        ):
            with socket.create_connection(self.server.http_address.split(":"), 30) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(request)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
        self.assert_serving()
        self.assertEqual(self.ask("/v1/state").json["index"], "1")


class WatchTest(HttpTest):
    def add(self, count=1, instance="a"):
        for _ in range(count):
            submit(self.stub, send(instance))

    def test_an_event_is_a_record_with_its_index_as_id(self):
        events = self.events("from_index=1")
        self.assertEqual(events.headers["Content-Type"], "text/event-stream")
        self.add(3)
        watch = self.stub.Watch(orchestrator_pb2.WatchRequest(from_index=1))
        expected = [next(each for each in watch if each.changes) for _ in range(4)]
        found = [events.change() for _ in range(4)]
        watch.cancel()
        self.assertEqual([each.id for each in found], ["1", "2", "3", "4"])
        self.assertEqual(
            [each.json for each in found], [json_format.MessageToDict(each) for each in expected]
        )

    def test_a_watch_is_filtered_as_asked(self):
        events = self.events("from_index=2&instance_ids=b")
        self.add(5)
        self.add(1, "b")
        self.assertEqual(events.change().id, "7")

    def test_initial_instances_come_first_and_cant_be_resumed_behind(self):
        events = self.events("initial=true")
        found = []
        for event in events:
            found += [each["id"] for each in event.json.get("initial", ())]
            self.assertEqual(event.id, "1" if event.json.get("initialComplete") else None)
            if event.json.get("initialComplete"):
                break
        self.assertEqual(sorted(found), ["a", "b"])
        resumed = self.events("initial=true", last_event_id="1")
        self.add()
        self.assertEqual(resumed.change().id, "2")

    def test_a_watch_that_is_refused_is_answered_by_its_error(self):
        for query, last_event_id, reason in (
            ("from_index=99", None, "INDEX_AHEAD"),
            ("", "99", "INDEX_AHEAD"),
            ("", "x", "INVALID_FIELD"),
            ("", "18446744073709551615", "INVALID_FIELD"),
        ):
            with self.assertRaises(swoosh_http.Refused) as caught:
                self.events(query, last_event_id=last_event_id)
            self.assertEqual(caught.exception.answer.code, 400)
            self.assertEqual(caught.exception.answer.reason, reason)
        with self.assertRaises(swoosh_http.Refused) as caught:
            self.events("from_index=1&history_id=another")
        self.assertEqual(caught.exception.answer.code, 409)
        self.assertEqual(caught.exception.answer.reason, "HISTORY_MISMATCH")
        self.assertEqual(self.ask("/v1/watch?from_index=99", "HEAD").code, 400)
        self.assertEqual(self.ask("/v1/watch", "HEAD").code, 200)

    def test_a_reader_that_resumes_misses_nothing_and_gets_nothing_twice_over_kills(self):
        kills = 3
        seen = []
        done = threading.Event()

        def read():
            last = None
            while not done.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException, swoosh_http.Refused):
                    # Without an id, from the beginning: as the URL of an EventSource stays.
                    source = swoosh_http.EventSource(
                        self.server, "from_index=1", last_event_id=last
                    )
                    with contextlib.closing(source):
                        for event in source:
                            last = event.id or last
                            if event.json.get("changes"):
                                seen.append(int(event.id))
                            if done.is_set():
                                break
                time.sleep(0.01)

        reader = threading.Thread(target=read)
        reader.start()
        accepted = 1
        for round_number in range(kills + 1):
            for _ in range(60):
                accepted = int(swoosh_http.submit(self.server, *as_json(send("a"))).json["index"])
            if round_number < kills:
                self.server.kill()
                self.server.start()
        await_true(lambda: seen and seen[-1] >= accepted)
        done.set()
        reader.join()
        self.assertEqual(seen, list(range(1, accepted + 1)))

    def test_a_reader_that_is_slow_or_gone_is_let_go_of_and_misses_nothing(self):
        big = "x" * 60_000
        slow = self.events("from_index=1", receive_buffer_bytes=4096)
        gone = self.events("from_index=1")
        gone.change()
        gone.close()
        count = 60  # 3.6 MB: more than the kernel holds for a connection
        for i in range(count):
            submit(self.stub, send("a", data={"by": f"{i} {big}"}))
        await_true(lambda: self.server.metrics()["swoosh_watchers"] == 0)
        self.assert_serving()
        # It gets what was under way, then finds itself cut off, and goes on.
        seen = []
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            for event in slow:
                seen.append(int(event.id))
        self.assertFalse(slow.ended_cleanly)
        self.assertLess(seen[-1], count + 1)
        resumed = self.events("", last_event_id=str(seen[-1]))
        while seen[-1] < count + 1:
            seen.append(int(resumed.change().id))
        changes = list(dict.fromkeys(seen))  # a bookmark has the index of the record before it
        self.assertEqual(changes, list(range(1, count + 2)))

    def test_more_watches_than_allowed_are_refused_and_nobody_else_is(self):
        sources = [self.events("from_index=1") for _ in range(WATCHES_MAX)]
        for source in sources:
            self.assertEqual(source.change().id, "1")
        for _ in range(3):
            with self.assertRaises(swoosh_http.Refused) as caught:
                self.events()
            self.assert_refused(
                caught.exception.answer, 429, grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_REACHED"
            )
        self.assert_serving()
        self.assertEqual(self.ask("/metrics").code, 200)
        self.assertEqual(swoosh_http.submit(self.server, *as_json(send("a"))).code, 200)
        for source in sources:
            self.assertEqual(source.change().id, "2")
        sources[0].close()
        opened = []

        def has_room():
            with contextlib.suppress(swoosh_http.Refused):
                opened.append(self.events("from_index=1"))
            return bool(opened)

        await_true(has_room)
        self.assertEqual(opened[0].change().id, "1")

    def test_whoever_asks_while_it_drains_is_answered(self):
        # An answer is one of the contract, or there is none at all.
        for _ in range(3):
            answers, stopped = [], threading.Event()

            def client(answers=answers, stopped=stopped):
                while not stopped.is_set():
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        answers.append(swoosh_http.submit(self.server, *as_json(send("a"))))
                        answers.append(self.ask("/v1/state"))

            clients = [threading.Thread(target=client) for _ in range(8)]
            for thread in clients:
                thread.start()
            await_true(lambda answers=answers: len(answers) > 100)
            code = self.server.terminate()
            stopped.set()
            for thread in clients:
                thread.join()
            self.assertEqual(code, 0, self.server.log_tail())
            self.assertLessEqual({answer.code for answer in answers}, {200, 503})
            accepted = [int(each.json["index"]) for each in answers if each.code == 200]
            self.server.start()
            self.assertGreaterEqual(self.server.index, max(accepted))
            refused = {answer.reason for answer in answers if answer.code == 503}
            self.assertLessEqual(refused, {"DRAINING"})

    def test_a_drain_ends_watches_with_the_reason(self):
        events = self.events("from_index=1")
        self.assertEqual(events.change().id, "1")
        ended = threading.Thread(target=lambda: codes.append(self.server.terminate()))
        codes, last = [], None
        ended.start()
        for last in events:
            pass
        ended.join()
        self.assertEqual(codes, [0])
        self.assertTrue(events.ended_cleanly)
        self.assertEqual((last.type, last.json["code"], last.id), ("status", 14, None))
        self.assertIn("DRAINING", json.dumps(last.json["details"]))


@unittest.skipUnless(shutil.which("curl", path="/usr/bin"), "curl is absent")
class ReadmeTest(HttpTest):
    def test_the_commands_of_the_readme_do_what_it_says(self):
        played = drill.Drill(self.server)
        self.addCleanup(played.close)
        section = PAGE.read_text().partition("\n## Over HTTP\n")[2].partition("\n## ")[0]
        blocks = drill.BLOCK.findall(section)
        self.assertEqual([kind for kind, _ in blocks], ["sh", "text"])
        played.play(blocks)


if __name__ == "__main__":
    test_main.run()
