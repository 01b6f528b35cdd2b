"""swooshctl against a real server: what people and scripts see of it."""

import json
import subprocess
import tempfile
import unittest

import grpc
import swoosh_ctl
import swoosh_server
import test_main

MACHINES = swoosh_server.ROOT / "examples/machines"
DOOR = MACHINES / "door.json"
REVIEW = MACHINES / "review.yaml"
# Burns after a while, and then what it does fails.
OVEN = json.dumps(
    {
        "name": "oven",
        "root": {
            "id": "oven",
            "initial": ["baking"],
            "states": [
                {
                    "id": "baking",
                    "after": [{"delay": "30m", "target": ["burning"]}],
                    "on": [{"event": "open", "externalGuard": "chef", "target": ["opened"]}],
                },
                {
                    "id": "burning",
                    "entry": [{"send": {"event": "smoke"}}],
                    "on": [
                        {
                            "event": "smoke",
                            "actions": [{"assign": {"location": "context.no.such", "value": "1"}}],
                        }
                    ],
                },
                {"id": "opened", "type": "FINAL"},
            ],
        },
    }
)
EXIT_FAILED = 1
EXIT_USAGE = 2


def exit_code(code):
    return 64 + code.value[0]


class CliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = swoosh_server.Server()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        # A namespace of its own for each test.
        self.namespace = self.id().rpartition(".")[2][:64]
        self.ok("machine", "put", DOOR)

    def ctl(self, *arguments, stdin=""):
        return swoosh_ctl.run(self.server, "-n", self.namespace, *arguments, stdin=stdin)

    def ok(self, *arguments, stdin=""):
        """What it prints, once it has ended well."""
        done = self.ctl(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ok_json(self, *arguments, stdin=""):
        """What it prints with -o json: a list of an object a line."""
        printed = self.ok(*arguments, "-o", "json", stdin=stdin)
        return [json.loads(line) for line in printed.splitlines()]

    def unlocked(self, instance_id):
        self.ok("create", "door", instance_id)
        self.ok("send", instance_id, "unlock", "--data", '{"code": "0000"}')

    def test_machines_are_put_from_json_and_yaml_listed_and_got(self):
        (put,) = self.ok_json("machine", "put", DOOR, REVIEW)
        self.assertEqual([each["machine"]["version"] for each in put["results"]], [1, 1])
        listed = self.ok_json("machine", "list")
        self.assertEqual([each["name"] for each in listed], ["door", "review"])
        self.assertIn("review", self.ok("machine", "list"))
        outline = self.ok("machine", "get", "door")
        for state in ("locked", "closed", "opened", "blocked"):
            self.assertIn(state, outline)
        # What get answers can be put again, and is the same version.
        got = self.ok("machine", "get", "review", "-o", "json")
        (again,) = self.ok_json("machine", "put", "-", stdin=got)
        self.assertEqual(again["results"][0]["machine"]["version"], 1)

    def test_a_machine_is_checked_offline_with_the_place_of_a_mistake(self):
        done = swoosh_ctl.run(None, "machine", "check", DOOR, REVIEW)
        self.assertEqual(done.returncode, 0, done.stderr)
        bad = DOOR.read_text().replace('"target": ["opened"]', '"target": ["opend"]')
        done = swoosh_ctl.run(None, "machine", "check", "-", stdin=bad)
        self.assertEqual(done.returncode, EXIT_FAILED)
        line = bad[: bad.index("opend")].count("\n") + 1
        self.assertRegex(done.stderr, rf"\b{line}:\d+")
        self.assertIn("'opend'", done.stderr)
        done = swoosh_ctl.run(None, "machine", "check", "-", stdin='{"name": "m", "nmae": "x"}')
        self.assertEqual(done.returncode, EXIT_FAILED)
        self.assertIn("nmae", done.stderr)

    def test_a_machine_of_xstate_is_imported_run_and_exported_again(self):
        config = {
            "id": "light",
            "initial": "off",
            "states": {
                "off": {"on": {"TOGGLE": "on"}},
                "on": {
                    "entry": {"type": "shine", "params": {"watts": 5}},
                    "on": {"TOGGLE": {"target": "off", "actions": "fade"}},
                },
            },
        }
        machine = self.ok("machine", "import", "--from", "xstate", "-", stdin=json.dumps(config))
        self.ok("machine", "put", "-", stdin=machine)
        self.ok("create", "light", "l")
        self.assertRegex(self.ok("send", "l", "TOGGLE"), r"emitted +shine.*watts")
        self.assertRegex(self.ok("send", "l", "TOGGLE"), r"emitted +fade")
        self.assertEqual(self.ok("machine", "export", "light@1", "--format", "json"), machine)
        # SCXML is read again as the same definition, which keeps its version.
        scxml = self.ok("machine", "export", "light", "--format", "scxml")
        again = self.ok("machine", "import", "--from", "scxml", "-", stdin=scxml)
        (put,) = self.ok_json("machine", "put", "-", stdin=again)
        self.assertEqual(put["results"][0]["machine"]["version"], 1)
        mermaid = self.ok("machine", "export", "light", "--format", "mermaid")
        self.assertIn("off --> on : TOGGLE", mermaid)
        done = self.ctl("machine", "export", "nobody", "--format", "dot")
        self.assertEqual(done.returncode, exit_code(grpc.StatusCode.NOT_FOUND))
        config["states"]["off"]["invoke"] = {"src": "bulb"}
        done = self.ctl(
            "machine", "import", "--from", "xstate", "-", stdin=json.dumps(config, indent=1)
        )
        self.assertEqual(done.returncode, EXIT_FAILED)
        self.assertRegex(done.stderr, r"standard input:\d+:\d+: states\.off\.invoke: ")
        self.assertEqual(done.stdout, "")

    def test_create_and_send_tell_what_happened_and_what_may_happen_next(self):
        created = self.ok("create", "door", "d")
        self.assertIn("locked", created)
        self.assertIn("unlock", created)
        sent = self.ok("send", "d", "unlock", "--data", '{"code": "0000"}')
        self.assertRegex(sent, "locked → .*closed")
        self.assertRegex(sent, "edges +unlock")
        self.assertRegex(sent, "enabled +open, lock")
        self.ok("send", "d", "lock")
        for _ in range(3):
            blocked = self.ok("send", "d", "unlock", "--data", '{"code": "1"}')
        self.assertRegex(blocked, "edges +wrong_code, alarm")
        self.assertRegex(blocked, "emitted +call_guard")

    def test_a_denial_shows_the_guard_and_its_values(self):
        self.ok("create", "door", "d", "--context", '{"tries": 3}')
        done = self.ctl("send", "d", "reset", "--data", '{"by": "thief"}')
        self.assertEqual(done.returncode, exit_code(grpc.StatusCode.FAILED_PRECONDITION))
        self.assertIn("GUARD_FALSE", done.stderr)
        self.assertIn("event.data.by == 'caretaker'", done.stderr)
        self.assertIn("thief", done.stderr)
        self.assertRegex(done.stderr, "enabled now: reset")
        self.assertEqual(done.stdout, "")

    def test_a_misspelt_event_gets_a_suggestion(self):
        self.ok("create", "door", "d")
        done = self.ctl("send", "d", "unlok")
        self.assertEqual(done.returncode, exit_code(grpc.StatusCode.FAILED_PRECONDITION))
        self.assertIn("did you mean unlock?", done.stderr)

    def test_exit_codes_tell_usage_from_refusals_and_an_absent_server(self):
        for arguments, code in (
            (("send",), EXIT_USAGE),
            (("no_such_command",), EXIT_USAGE),
            (("get", "d", "--no-such-option"), EXIT_USAGE),
            (("create", "door", "d", "--context", "{"), EXIT_USAGE),
            (("get", "nobody"), exit_code(grpc.StatusCode.NOT_FOUND)),
            (("create", "door", "a/b"), exit_code(grpc.StatusCode.INVALID_ARGUMENT)),
            (("machine", "put", "/no/such/file.json"), EXIT_FAILED),
        ):
            with self.subTest(arguments):
                done = self.ctl(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertNotEqual(done.stderr, "")
                self.assertEqual(done.stdout, "")
        self.ok("create", "door", "d")
        done = self.ctl("create", "door", "d")
        self.assertEqual(done.returncode, exit_code(grpc.StatusCode.ALREADY_EXISTS))
        done = swoosh_ctl.run(None, "state", "--server", "127.0.0.1:1", "--timeout", "1s")
        self.assertEqual(done.returncode, exit_code(grpc.StatusCode.UNAVAILABLE), done.stderr)

    def test_json_is_the_protos_and_errors_too_are_json(self):
        self.unlocked("d")
        (instance,) = self.ok_json("get", "d")
        self.assertEqual(instance["configuration"], ["door", "closed"])
        self.assertEqual(instance["context"]["tries"], 0)
        (state,) = self.ok_json("state")
        self.assertEqual(int(state["index"]), int(instance["version"]))
        (status,) = self.ok_json("status")
        self.assertEqual(status["commitIndex"], state["index"])
        (snapshot,) = self.ok_json("snapshot")
        self.assertEqual(snapshot["stateHash"], state["stateHash"])
        error = json.loads(self.ctl("get", "nobody", "-o", "json").stderr)
        self.assertEqual(error["code"], grpc.StatusCode.NOT_FOUND.value[0])
        self.assertEqual(error["details"][0]["reason"], "INSTANCE_NOT_FOUND")

    def test_list_and_history_and_records_show_what_there_is(self):
        self.unlocked("d1")
        self.ok("create", "door", "d2")
        listed = self.ok("list")
        self.assertRegex(listed, r"d1 .*closed")
        self.assertRegex(listed, r"d2 .*locked")
        self.assertEqual([each["id"] for each in self.ok_json("list", "--state", "locked")], ["d2"])
        history = self.ok("history", "d1").splitlines()
        self.assertRegex(history[-2], r"unlock .*closed")
        self.assertRegex(history[-1], r"\(create\) .*locked")
        self.assertEqual(len(self.ok_json("history", "d1")), 2)
        self.assertEqual(len(self.ok_json("records")), 4)
        (old,) = self.ok_json("get", "d1", "--at-index", self.ok_json("history", "d1")[1]["index"])
        self.assertEqual(old["configuration"], ["door", "locked"])

    def test_delete_and_request_ids_are_safe_to_repeat(self):
        self.ok("create", "door", "d", "--request-id", "once")
        (again,) = self.ok_json("create", "door", "d", "--request-id", "once")
        self.assertTrue(again["duplicate"])
        self.ok("delete", "d")
        done = self.ctl("delete", "d")
        self.assertEqual(done.returncode, exit_code(grpc.StatusCode.NOT_FOUND))
        self.ok("delete", "d", "--allow-missing")

    def test_watch_shows_the_changes_and_stops_after_a_count(self):
        arguments = ("-n", self.namespace, "-o", "json", "watch", "--initial", "--count", "2")
        watch = subprocess.Popen(
            swoosh_ctl.command(self.server, *arguments), stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.kill)
        told = []
        for line in watch.stdout:
            told.append(json.loads(line))
            if told[-1].get("initialComplete"):
                self.unlocked("d")
        self.assertEqual(watch.wait(swoosh_ctl.SECONDS_MAX), 0)
        changes = [change for response in told for change in response.get("changes", [])]
        self.assertEqual([change["configuration"][-1] for change in changes], ["locked", "closed"])
        self.assertEqual(len(self.ok("watch", "--from", "1", "--count", "2").splitlines()), 2)

    def test_try_steps_through_a_machine_without_a_server(self):
        events = 'unlock {"code": "1"}\nunlok\nunlock {"code": "0000"}\nopen\n:context\n'
        done = swoosh_ctl.run(None, "try", DOOR, stdin=events)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("wrong_code", done.stdout)
        self.assertIn("did you mean unlock?", done.stdout)
        self.assertRegex(done.stdout, "closed → .*opened")
        self.assertRegex(done.stdout, '"tries": ?0')

    def test_try_lets_time_pass_and_answers_external_guards(self):
        done = swoosh_ctl.run(None, "try", "-", "--events", "/dev/null", "--at", "+2h", stdin=OVEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"timers +after.baking in 30m")
        self.assertRegex(done.stdout, r"\+30m  after.baking  baking → burning")
        self.assertRegex(done.stdout, r"\+30m  smoke  burning → burning\n +status +FAULTED\n +fault")
        self.assertTrue(done.stdout.endswith("+2h  burning\n"), done.stdout)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as machine:
            machine.write(OVEN)
            machine.flush()
            arguments = ("try", machine.name, "--guard", "chef=false")
            done = swoosh_ctl.run(None, *arguments, stdin="open\n:guard chef=true\nopen\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"guard chef\b")
        self.assertRegex(done.stdout, "baking → .*opened")

    def test_what_timers_did_is_told_as_what_events_did(self):
        self.ok("machine", "put", "-", stdin=OVEN.replace("30m", "0.2s"))
        created = self.ok("create", "oven", "o")
        self.assertRegex(created, r"timers +after.baking in 200ms")
        watched = self.ok("watch", "--from", "1", "--id", "o", "--count", "3").splitlines()
        self.assertRegex(watched[1], "burning")
        self.assertRegex(watched[2], r"burning \(FAULTED: .*context.no:")
        got = self.ok("get", "o")
        self.assertRegex(got, r"fault +.*context.no:")
        history = self.ok("history", "o").splitlines()
        self.assertRegex(history[1], r"\(timer\) .*FAULTED")
        self.assertRegex(history[2], r"\(timer\) .*baking/after/0 .*burning")
        self.assertRegex(self.ok("records"), "advance time to 2")
        self.ok("machine", "put", "-", stdin=OVEN)
        self.ok("create", "oven", "p")
        self.assertRegex(self.ok("get", "p"), r"timers +\d{4}-.* after.baking")

    def test_submit_counts_what_was_refused_and_repeats_nothing(self):
        lines = [{"transitions": [{"createInstance": {"instanceId": "d", "machine": "door"}}]}]
        for event in ("unlock", "fly", "open", "close"):
            body = {"instanceId": "d", "event": event, "data": {"code": "0000"}}
            lines.append({"transitions": [{"sendEvent": body}]})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (summary,) = self.ok_json("submit", "--file", "-", stdin=text)
        self.assertEqual((summary["accepted"], summary["answered"]), (4, 5))
        self.assertEqual(summary["refused"], {"FAILED_PRECONDITION EVENT_NOT_ENABLED": 1})
        (again,) = self.ok_json("submit", "--file", "-", stdin=text)
        self.assertEqual((again["accepted"], again["duplicates"]), (0, 4))
        done = self.ctl("submit", "--file", "-", stdin='{"transitions": [{"sendEvnt": {}}]}\n')
        self.assertEqual(done.returncode, EXIT_FAILED)
        self.assertIn("sendEvnt", done.stderr)

    def test_a_submit_that_was_killed_does_not_try_a_denied_event_again(self):
        """The event left no record by which the server could tell, and would be taken by now."""
        checkpoint = self.server.folder / "denied.checkpoint"
        lines = [{"createInstance": {"instanceId": "d", "machine": "door"}}]
        for event in ("open", "unlock"):  # the first is denied, and enabled after the second
            body = {"instanceId": "d", "event": event, "data": {"code": "0000"}}
            lines.append({"sendEvent": body})
        text = "".join(json.dumps({"transitions": [line]}) + "\n" for line in lines)
        arguments = ("-n", self.namespace, "submit", "--file", "-", "--checkpoint", checkpoint)
        submitter = subprocess.Popen(
            swoosh_ctl.command(self.server, *arguments), stdin=subprocess.PIPE, text=True
        )
        self.addCleanup(submitter.stdin.close)
        submitter.stdin.write(text)
        submitter.stdin.flush()
        self.ok("watch", "--from", "1", "--id", "d", "--count", "2")
        submitter.kill()
        submitter.wait()
        (summary,) = self.ok_json(*arguments[2:], stdin=text)
        self.assertEqual(summary["answered"], 3)
        self.assertEqual(summary["refused"], {"FAILED_PRECONDITION EVENT_NOT_ENABLED": 1})
        (instance,) = self.ok_json("get", "d")
        self.assertEqual(instance["configuration"], ["door", "closed"])

    def test_bench_measures_and_leaves_no_instance(self):
        for options in (["--in-flight", "4"], ["--stream", "--clients", "2", "--transitions", "3"]):
            with self.subTest(options):
                bench = ["bench", "--duration", "200ms", "--instances", "5", *options]
                (report,) = self.ok_json(*bench)
                self.assertGreater(report["accepted"], 0)
                self.assertEqual((report["refused"], report["unanswered"]), (0, 0))
                self.assertLessEqual(report["p50Seconds"], report["p99Seconds"])
                self.assertLessEqual(report["p99Seconds"], report["maxSeconds"])
        self.assertIn("proposals/s", self.ok("bench", "--duration", "100ms", "--rate", "100"))
        self.assertEqual(self.ok_json("list"), [])

    def test_help_and_completion_teach(self):
        for arguments in (("--help",), ("send", "--help"), ("machine", "put", "--help")):
            done = swoosh_ctl.run(None, *arguments)
            self.assertEqual(done.returncode, 0)
            self.assertIn("swooshctl ", done.stdout)
        script = swoosh_ctl.run(None, "completion", "bash").stdout
        checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        self.assertIn("history", script)


if __name__ == "__main__":
    test_main.run()
