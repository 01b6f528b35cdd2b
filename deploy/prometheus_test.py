"""The rules and the dashboard against a real Prometheus that scrapes a real server under load."""

import math
import os
import re
import resource
import subprocess
import time
import unittest

import certificates
import dashboard
import prometheus_server
import promql
import swoosh_ctl
import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import COUNTER, create, refusal_of, register, send, submit

PROMTOOL = "/usr/bin/promtool"
DEPLOY = swoosh_server.ROOT / "deploy"
RULES = prometheus_server.RULES
RULE_TESTS = sorted((DEPLOY / "prometheus").glob("*.test.yaml"))
RUNBOOK = DEPLOY / "RUNBOOK.md"
RUNBOOK_URL = "deploy/RUNBOOK.md#"
# As server/exit_codes.h has it.
EXIT_FENCED = 5
ATTEMPTS_MAX = 5
PROMTOOL_SECONDS_MAX = 120
# Nobody is asked here, so it has series and no quantiles.
NOT_OBSERVED = "swoosh_guard_call_duration_seconds"
SEVERITIES = {"critical", "warning"}

# Fires after half a second; the step after it is an event's.
ALARM = {
    "name": "alarm",
    "root": {
        "id": "alarm",
        "initial": ["armed"],
        "states": [
            {"id": "armed", "after": [{"delay": "0.5s", "target": ["ringing"]}]},
            {"id": "ringing"},
        ],
    },
}


def promtool(*arguments):
    return subprocess.run(
        [PROMTOOL, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PROMTOOL_SECONDS_MAX,
        # Each of its tests makes a database and syncs it.
        env={"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {},
    )


class PrometheusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # It has a certificate, and nobody is ever shown it: no machine has a guard.
        authority = certificates.Authority(swoosh_server.temporary_folder())
        certificate, key = authority.issue("swooshd", days=30)
        cls.server = swoosh_server.Server(
            "--guard_provider=127.0.0.1:1", "--guard_ca", authority.path,
            "--guard_cert", certificate, "--guard_key", key,
        )  # fmt: skip
        cls.addClassCleanup(cls.server.close)
        cls.prometheus = prometheus_server.Prometheus(cls.server.http_address)
        cls.addClassCleanup(cls.prometheus.close)
        # Rates count from the first scrape on, which takes Prometheus some seconds.
        cls.prometheus.await_data(('up{job="swoosh"} == 1',))
        cls.load()
        cls.prometheus.await_data(
            (
                "swoosh_last_backup_timestamp_seconds > 0",
                "increase(swoosh_timer_lateness_seconds_count[5m]) > 0",
                "instance:swoosh_timer_lateness_seconds:p99_rate5m >= 0",
            )
        )

    @classmethod
    def load(cls):
        """A little of everything that is measured."""
        stub = cls.server.orchestrator
        submit(stub, register(COUNTER), register(ALARM), create("a"))
        cls.watch = stub.Watch(orchestrator_pb2.WatchRequest(from_index=1))
        cls.addClassCleanup(cls.watch.cancel)
        for number in range(4):
            submit(stub, create(f"alarm-{number}", "alarm"))
            submit(stub, send("a"), request_id=f"{number}")
            submit(stub, send("a"), request_id=f"{number}")
            refusal_of(submit, stub, send("nobody"))
            time.sleep(0.3)  # so that scrapes lie between them
        for command in (("snapshot",), ("verify",), ("backup", cls.server.folder / "backup")):
            done = swoosh_ctl.run(cls.server, *map(str, command))
            assert done.returncode == 0, done.stderr

    def rules(self, kind):
        """The rules as Prometheus has read them."""
        groups = self.prometheus.get("rules")["groups"]
        found = [rule for group in groups for rule in group["rules"] if rule["type"] == kind]
        self.assertTrue(found)
        return found

    def test_promtool_accepts_the_rules_and_their_tests_pass(self):
        for arguments in (
            ("check", "rules", RULES),
            ("check", "config", prometheus_server.CONFIGURATION),
            ("test", "rules", *RULE_TESTS),
        ):
            with self.subTest(arguments):
                done = promtool(*arguments)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_alert_has_a_case_in_which_it_fires(self):
        text = "".join(path.read_text() for path in RULE_TESTS)
        fired = set(re.findall(r'labels:.*?\{alertname="(\w+)"', text))
        fired |= set(re.findall(r'ALERTS\{alertname="(\w+)", alertstate="firing"', text))
        self.assertEqual({rule["name"] for rule in self.rules("alerting")} - fired, set())

    def test_each_alert_has_what_a_person_on_call_needs(self):
        anchors = {
            title.lower() for title in re.findall(r"^### (.*)$", RUNBOOK.read_text(), re.MULTILINE)
        }
        for rule in self.rules("alerting"):
            with self.subTest(rule["name"]):
                self.assertIn(rule["labels"].get("severity"), SEVERITIES)
                self.assertTrue(rule["annotations"].get("summary"))
                self.assertTrue(rule["annotations"].get("description"))
                url = rule["annotations"].get("runbook_url", "")
                self.assertEqual(url, RUNBOOK_URL + rule["name"].lower())
                self.assertIn(rule["name"].lower(), anchors)

    def test_each_alert_says_how_long_it_waits(self):
        text = RULES.read_text()
        self.assertEqual(text.count("- alert: "), text.count("        for: "))

    def test_the_runbook_has_no_alert_that_is_not_there(self):
        titles = set(re.findall(r"^### (Swoosh\w+)$", RUNBOOK.read_text(), re.MULTILINE))
        self.assertEqual(titles, {rule["name"] for rule in self.rules("alerting")})

    def test_each_recorded_series_has_data(self):
        for rule in self.rules("recording"):
            with self.subTest(rule["name"]):
                self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""))
                numbers = [number for _, number in self.prometheus.query(rule["name"])]
                self.assertTrue(any(math.isfinite(number) for number in numbers), numbers)

    def test_each_vector_that_an_alert_reads_has_data_and_a_healthy_server_fires_none(self):
        for rule in self.rules("alerting"):
            with self.subTest(rule["name"]):
                self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""))
                # A busy machine may be slow enough for some to be pending.
                self.assertNotEqual(rule["state"], "firing", rule["alerts"])
                read = promql.selectors(rule["query"])
                self.assertTrue(read, rule["query"])
                for selector in read:
                    self.assertTrue(self.prometheus.query(selector), selector)

    def test_each_query_of_the_dashboard_has_data(self):
        for title, expression in dashboard.expressions():
            with self.subTest(f"{title}: {expression}"):
                numbers = [number for _, number in self.prometheus.query(expression)]
                self.assertTrue(numbers)
                if NOT_OBSERVED not in expression:
                    self.assertTrue(any(math.isfinite(number) for number in numbers), numbers)


class TlsTest(unittest.TestCase):
    def test_a_server_with_tls_is_scraped_and_what_is_wrong_with_its_files_is_told(self):
        folder = swoosh_server.temporary_folder()
        authority = certificates.Authority(folder)
        certificate, key = certificates.server_certificate(authority)  # for a day
        scraper = authority.issue("prometheus")
        access = folder / "access.json"
        access.write_text(
            '{"identities": [{"name": "ops", "role": "OPERATOR", "certificates": ["ops"]}]}'
        )
        server = swoosh_server.Server(
            "--tls_cert", certificate, "--tls_key", key, "--tls_client_ca", authority.path,
            "--auth", access,
        )  # fmt: skip
        self.addCleanup(server.close)
        tls = (authority.path, *scraper)
        prometheus = prometheus_server.Prometheus(server.http_address, tls=tls)
        self.addCleanup(prometheus.close)
        key.write_text("no key")
        access.write_text("no JSON")
        pending = 'ALERTS{alertname="%s", alertstate="pending"} == 1'
        alerts = ("CertificateExpiresSoon", "CertificateRefused", "AccessFileRefused")
        prometheus.await_data(
            (
                'up{job="swoosh"} == 1',
                '(swoosh_certificate_expiry_timestamp_seconds{peer="clients"} > 0) - time() > 0',
                *(pending % f"Swoosh{name}" for name in alerts),
            )
        )


class FailureTest(unittest.TestCase):
    def test_a_write_that_fails_fires_the_alert_though_the_server_is_gone_soon(self):
        server = swoosh_server.Server()
        self.addCleanup(server.close)
        prometheus = prometheus_server.Prometheus(server.http_address)
        self.addCleanup(prometheus.close)
        submit(server.orchestrator, register(COUNTER), create("a"))
        prometheus.await_data(("swoosh_fenced == 0",))
        for _ in range(ATTEMPTS_MAX):
            self.fail_a_write(server)
            if prometheus.query("max_over_time(swoosh_fenced[10m]) == 1"):
                break
            server.start()  # gone before Prometheus came by: that is possible
        prometheus.await_data(
            (
                'ALERTS{alertname="SwooshDown", alertstate="pending"} == 1',
                'ALERTS{alertname="SwooshFenced", alertstate="firing"} == 1',
            )
        )

    def fail_a_write(self, server):
        """The log's file may not grow any more: as on a full disk, but for this process alone."""
        newest = max(server.data_dir.glob("wal/**/*.log"), key=lambda path: path.name)
        limit = newest.stat().st_size
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, limit))
        refusal_of(submit, server.orchestrator, send("a"))
        self.assertEqual(server.wait_for_exit(), EXIT_FENCED)


if __name__ == "__main__":
    test_main.run()
