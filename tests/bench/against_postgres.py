#!/usr/bin/python3
"""Ours beside PostgreSQL with a state machine in a stored procedure, as one would write it there.

A step locks the instance's row, sets its new state, count and version, and inserts a row of history
with the event's data: 100 bytes, as ours. pgbench calls it prepared, 64 clients over TCP, on one of
1,000 rows at random; synchronous_commit is on, and of several commit_delays the best is kept. Ours:
64 calls in flight. An echo server that syncs as many bytes as our record has before it answers
takes the same turns: about as much as any durable server over this gRPC can.
"""

import contextlib
import glob
import os
import pathlib
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

import comparison
import echo_server
import our_server
import swoosh_server
import wire_load

CLIENTS = 64
THREADS = 2
GOAL = comparison.at_least(5)
START_SECONDS_MAX = 60
COMMAND_SECONDS_MAX = 120
SECONDS = 6
SECONDS_QUICK = 2
PAGE_BYTES = 8192
# Of what a sync of a page takes, as its documentation proposes half.
COMMIT_DELAY_SHARES = (0, 0.5, 1)
COMMIT_DELAY_US_MAX = 100_000
SETTINGS = {
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "512MB",
    "wal_buffers": "16MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_connections": "100",
    "jit": "off",
    "commit_siblings": "5",
    "unix_socket_directories": "",
    # Else a start after a kill syncs each of its thousand files.
    "recovery_init_sync_method": "syncfs",
}
SCHEMA = f"""
CREATE TABLE instance (
  id int PRIMARY KEY, state text NOT NULL, count bigint NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE history (
  instance_id int, version bigint, event text NOT NULL, data text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (instance_id, version)
);
INSERT INTO instance SELECT i, 'idle', 0, 0 FROM generate_series(1, {wire_load.INSTANCES}) i;
CREATE FUNCTION step(wanted int, payload text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE found instance%ROWTYPE;
BEGIN
  SELECT * INTO STRICT found FROM instance WHERE id = wanted FOR UPDATE;
  IF found.state NOT IN ('idle', 'busy') THEN RAISE 'no such state'; END IF;
  UPDATE instance
    SET state = CASE found.state WHEN 'idle' THEN 'busy' ELSE 'idle' END,
        count = found.count + 1, version = found.version + 1
    WHERE id = wanted;
  INSERT INTO history (instance_id, version, event, data)
    VALUES (wanted, found.version + 1, 'step', payload);
  RETURN found.version + 1;
END $$;
VACUUM ANALYZE;
"""


def find_program(name):
    """A program of the newest PostgreSQL that is installed, on the PATH or where Debian has it."""
    places = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return places[-1] if places else shutil.which(name)


class PostgresServer(wire_load.DurableServer):
    """A PostgreSQL over a cluster in `folder`; not as root, which it refuses to be."""

    def __init__(self, folder):
        self._folder = folder
        self._folder.mkdir()
        self._data_dir = folder / "data"
        self._port = swoosh_server.low_address().partition(":")[2]
        self._process = None
        self._acknowledged = 0
        self._commit_delay_us = 0
        self._as_user = []
        self._user = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            self._become_postgres()
        self._make_cluster()

    def _become_postgres(self):
        user = pwd.getpwnam("postgres")
        shutil.chown(self._folder, user.pw_uid, user.pw_gid)
        self._user = user.pw_name
        self._as_user = ["/usr/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
        self._as_user.append("--clear-groups")
        # The folders above may be closed to others.
        may_pass = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        tried = subprocess.run([*self._as_user, *may_pass, "true"], stderr=subprocess.DEVNULL)
        if tried.returncode == 0:
            self._as_user += may_pass

    def _make_cluster(self):
        command = ["initdb", "-D", self._data_dir, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        self._command(command + ["-U", self._user])
        with open(self._data_dir / "postgresql.auto.conf", "a") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in SETTINGS.items())
        self.start()
        self.query(SCHEMA)

    def _command(self, command, **more):
        """Runs a program of PostgreSQL's; returns what it prints."""
        done = subprocess.run(
            [*self._as_user, find_program(command[0]), *map(str, command[1:])],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            **more,
        )
        if done.returncode != 0:
            raise wire_load.Broken(f"{command[0]}: {done.stderr.strip()}")
        return done.stdout

    @property
    def _connection(self):
        return ["-h", "127.0.0.1", "-p", self._port, "-U", self._user]

    def query(self, sql):
        return self._command(
            ["psql", *self._connection, "-d", "postgres", "-qXAt", "-v", "ON_ERROR_STOP=1"],
            input=sql,
        ).strip()

    def start(self):
        if self._process is not None:
            return
        command = [find_program("postgres"), "-D", self._data_dir, "-p", self._port]
        command += ["-h", "127.0.0.1", "-c", f"commit_delay={self._commit_delay_us}"]
        with open(self._folder / "log", "ab") as log:
            # The parent's death signal is lost when the user changes, so that comes last.
            self._process = subprocess.Popen(
                [*self._as_user, *swoosh_server.bound_to_us(command)],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(wire_load.Broken):
                self._command(["pg_isready", *self._connection])
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                tail = (self._folder / "log").read_text(errors="replace")[-2000:]
                raise wire_load.Broken(f"postgres did not start:\n{tail}")
            time.sleep(0.05)

    def kill(self):
        if self._process is None:
            return
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = list(map(int, children.read_text().split()))
        self._process.kill()
        self._process.wait()
        self._process = None
        # They would end by themselves, but not at once.
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS_MAX
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            if time.monotonic() > deadline:
                raise wire_load.Broken("a process of postgres did not end")
            time.sleep(0.02)

    def check(self):
        sums = self.query(
            "SELECT (SELECT count(*) FROM history), (SELECT sum(count) FROM instance);"
        )
        for count in map(int, sums.split("|")):
            if count < self._acknowledged:
                raise wire_load.Broken(f"postgres lost steps: {count} of {self._acknowledged}")

    def _load(self, seconds):
        script = self._folder / "step.sql"
        (text,) = wire_load.payloads(1)
        script.write_text(
            f"\\set i random(1, {wire_load.INSTANCES})\nSELECT step(:i, '{text}');\n"
        )
        script.chmod(0o644)
        printed = self._command(
            ["pgbench", *self._connection, "-n", "-M", "prepared", "-f", script]
            + ["-c", CLIENTS, "-j", THREADS, "-T", seconds, "postgres"]
        )
        done = int(re.search(r"actually processed: (\d+)", printed)[1])
        failed = int(re.search(r"failed transactions: (\d+)", printed)[1])
        if failed or not done:
            raise wire_load.Broken(f"pgbench: {printed}")
        self._acknowledged += done
        return {"rate": float(re.search(r"tps = ([\d.]+)", printed)[1])}

    def measure(self, seconds, commit_delay_us):
        self._commit_delay_us = commit_delay_us
        return self.run(lambda: self._load(seconds))


def commit_delays(output):
    """The commit_delays that are tried, in us."""
    sync_us = statistics.median(comparison.sync_us(output, PAGE_BYTES))
    return [min(COMMIT_DELAY_US_MAX, round(share * sync_us)) for share in COMMIT_DELAY_SHARES]


def main():
    compared = comparison.Comparison("against_postgres", comparison.arguments(__doc__))
    missing = [each for each in ("postgres", "initdb", "pgbench", "psql") if not find_program(each)]
    if missing:
        compared.skip("against_postgres", f"there is no {', '.join(missing)}")
        return compared.end()
    folder = wire_load.scratch_folder(compared.output)
    ours = our_server.OurServer(folder)
    echo = echo_server.EchoServer(ours, folder)
    postgres = PostgresServer(folder / "postgres")
    try:
        postgres.kill()
        seconds = SECONDS_QUICK if compared.quick else SECONDS
        delays = {f"commit_delay {each} us": each for each in commit_delays(compared.output)}
        sides = {
            "ours": lambda: ours.measure(CLIENTS, compared.quick),
            "synced echo": lambda: echo.measure(echo_server.SYNCED, CLIENTS, compared.quick),
        } | {
            name: lambda delay_us=delay_us: postgres.measure(seconds, delay_us)
            for name, delay_us in delays.items()
        }
        rounds = compared.rounds(sides, ours.record_bytes)
        ours.end()
        postgres.end()
    finally:
        postgres.kill()
    rates = {side: rounds.of(side, "rate") for side in sides}
    best = max(delays, key=lambda name: statistics.median(rates[name]))
    for name, side, goal in (("unary", "ours", GOAL), ("synced_echo", "synced echo", None)):
        compared.add(
            f"{name}_{CLIENTS}_vs_postgres_procedure",
            rounds,
            rates[side],
            rates[best],
            goal,
            "events/s, steps/s",
            f"PostgreSQL, {best}",
        )
    compared.plot_rounds("rounds", f"{CLIENTS} in flight: each round", "a second", rates)
    compared.end()


if __name__ == "__main__":
    try:
        main()
    except wire_load.Broken as error:
        sys.exit(f"no figure: {error}")
