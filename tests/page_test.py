"""The page of swooshd in a real browser: what it shows, live, by keyboard, over a crash."""

import contextlib
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import threading
import unittest

import browser
import grpc
import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import COUNTER, all_records, create, register, send, submit

EXAMPLES = swoosh_server.ROOT / "examples"
MACHINES = ["machines/door.json", "council/machine.json", "order_saga/machine.json"]
LARGE = "incident_desk/machine.json"
PICTURES = pathlib.Path(
    os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR") or swoosh_server.temporary_folder()
)
PHONE = (390, 844)
DESK = (1400, 1000)
PHONE_VIEWS = {"overview": "#/", "machine": "#/machine/order", "instance": "#/instance/door-1"}
TABS_MAX = 200
HANG_SECONDS_MAX = 860  # on a machine that does much else
TRAFFIC_SECONDS = 0.03  # between two proposals
TOKEN = "a-token-of-the-test"
# What a browser's console says of a server that is not there, and of a call that was refused.
NO_SERVER = ("net::ERR_CONNECTION_", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "status of 503")
REFUSED = "status of 401"
# Of each line that lies over a box of neither of its ends, the three; arguments: the parents by id.
CROSSED = """
    const parents = arguments[0];
    const within = (id, box) => id !== undefined && (id === box || within(parents[id], box));
    const boxes = [...document.querySelectorAll('svg [data-state] .frame')].map(each => ({
        id: each.closest('[data-state]').dataset.state, ...each.getBBox().toJSON?.() ??
        (({x, y, width, height}) => ({x, y, width, height}))(each.getBBox())}));
    const found = new Set();
    for (const edge of document.querySelectorAll('svg [data-from]')) {
        const {from, to} = edge.dataset;
        const others = boxes.filter(({id}) => !within(from, id) && !within(to, id));
        const path = edge.querySelector('path');
        for (let at = 0; at < path.getTotalLength(); at += 3) {
            const {x, y} = path.getPointAtLength(at);
            for (const box of others) {
                if (x > box.x + 2 && x < box.x + box.width - 2 &&
                    y > box.y + 2 && y < box.y + box.height - 2)
                    found.add(`${from} -> ${to} over ${box.id}`);
            }
        }
    }
    return [boxes.length, [...found]];
"""
HISTOGRAM = 'h_bucket{{le="0.001"}} {}\nh_bucket{{le="0.002"}} {}\nh_bucket{{le="+Inf"}} {}\n'


class Traffic:
    """Transitions that run all the time, through restarts of the server too."""

    def __init__(self, server):
        self._channel = server.new_channel()
        self._stub = swoosh_server.orchestrator_pb2_grpc.OrchestratorStub(self._channel)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(TRAFFIC_SECONDS):
            with contextlib.suppress(grpc.RpcError):
                submit(self._stub, send("busy"))

    def stop(self):
        self._stop.set()
        self._thread.join()
        self._channel.close()


def parents_of(state):
    """(id, id of its parent) of each state inside."""
    for child in state.get("states", ()):
        yield child["id"], state["id"]
        yield from parents_of(child)


def fill(server):
    """The example machines, three doors, and an instance for traffic."""
    for path in MACHINES:
        submit(server.orchestrator, register(json.loads((EXAMPLES / path).read_text())))
    doors = [create(f"door-{number}", "door") for number in range(3)]
    submit(server.orchestrator, register(COUNTER), create("busy"), *doors)


@unittest.skipUnless(
    browser.DRIVER and browser.CHROMIUM, "chromium and chromium-driver are not installed"
)
class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.server = swoosh_server.Server(low_ports=True)
        self.addCleanup(self.server.close)
        fill(self.server)
        self.files = self.server.http("/page/packages.js")[1]
        # Without the npm packages there are lists instead of diagrams.
        self.chart = "svg" if "dagre.esm.js" in self.files else ".outline"
        self.console_may_say = ()
        self.traffic = Traffic(self.server)
        self.addCleanup(self.traffic.stop)
        self.browser.look(*DESK, "light")

    def tearDown(self):
        self.browser.open("about:blank")
        said = [
            each
            for each in self.browser.console()
            if not any(text in each["message"] for text in self.console_may_say)
        ]
        self.assertEqual(said, [])

    def open(self, view="#/"):
        self.browser.open(f"http://{self.server.http_address}/{view}")
        self.browser.wait_for("document.querySelector('#connection').innerText === 'live'")

    def wait_for_text(self, selector, text):
        self.browser.wait_for(
            "(document.querySelector(arguments[0])?.textContent ?? '').includes(arguments[1])",
            selector,
            text,
        )

    def picture(self, name):
        self.browser.screenshot(PICTURES / f"{name}.png")

    def tab_to(self, text):
        """Moves the focus by the Tab key until it is on what has the text."""
        for _ in range(TABS_MAX):
            self.browser.press(browser.TAB)
            focused = self.browser.script("return document.activeElement.textContent")
            if focused == text:
                return
        self.fail(f"no Tab leads to {text}")

    def total(self, state):
        return f"{self.chart} [data-state='{state}'] .total"

    def taken(self, edge):
        return f"{self.chart} [data-edge='{edge}'] .taken"

    def test_a_diagram_counts_instances_and_edges_as_they_go(self):
        self.open("#/machine/door")
        self.wait_for_text(self.total("locked"), "3")
        submit(self.server.orchestrator, send("door-1", "unlock", {"code": "0000"}))
        self.wait_for_text(self.total("closed"), "1")
        self.wait_for_text(self.total("locked"), "2")
        self.wait_for_text(self.taken("unlock"), "×1")
        submit(self.server.orchestrator, create("door-3", "door"))
        self.wait_for_text(self.total("locked"), "3")
        self.picture("machine")
        # A state leads to the instances in it.
        name = "a text" if self.chart == "svg" else "a"
        self.browser.click(f"{self.chart} [data-state='closed'] {name}")
        self.browser.wait_for("document.querySelectorAll('tbody tr').length === 1")
        self.wait_for_text("tbody", "door-1")
        self.browser.click("tbody a")
        self.wait_for_text("h1", "door-1")

    def test_no_line_lies_over_a_box_that_it_has_nothing_to_do_with(self):
        if self.chart != "svg":
            self.skipTest("there are no diagrams without the npm packages")
        submit(self.server.orchestrator, register(json.loads((EXAMPLES / LARGE).read_text())))
        for path in (*MACHINES, LARGE):
            machine = json.loads((EXAMPLES / path).read_text())
            parents = dict(parents_of(machine["root"]))
            self.open(f"#/machine/{machine['name']}")
            self.browser.wait_for("document.querySelector('svg [data-from] path')")
            count, crossed = self.browser.script(CROSSED, parents)
            self.assertEqual((count, crossed), (len(parents), []), path)
            self.picture(f"diagram_{machine['name']}")

    def test_who_may_see_some_machines_only_sees_them_and_is_told(self):
        self.console_may_say = (REFUSED, "status of 403", "status of 404", *NO_SERVER)
        tokens = {"r": ("READER", ["door", "absent"]), "o": ("OPERATOR", [])}
        identities = [
            {"name": name, "role": role, "machines": machines,
             "token_sha256": [hashlib.sha256(f"{name}-{TOKEN}".encode()).hexdigest()]}
            for name, (role, machines) in tokens.items()
        ]  # fmt: skip
        access = self.server.folder / "access.json"
        access.write_text(json.dumps({"identities": identities}))
        self.server.terminate()
        self.server.flags = ("--auth", access)
        self.server.start()
        self.browser.open(f"http://{self.server.http_address}/")
        self.browser.wait_for("document.querySelector('dialog').open")
        self.browser.press(*f"r-{TOKEN}", browser.ENTER)
        self.browser.wait_for("document.querySelector('#connection').innerText === 'live'")
        self.wait_for_text("#limits", "door, absent")
        names = self.browser.script(
            "return [...document.querySelectorAll('.card h3')].map(each => each.textContent)"
        )
        self.assertEqual(names, ["door"])
        self.picture("limited")
        self.browser.script("location.hash = '#/machine/door'")
        self.wait_for_text(self.total("locked"), "3")
        for transition in (create("late", "door"), send("late", "unlock", {"code": "0000"})):
            self.server.orchestrator.Submit(
                orchestrator_pb2.SubmitRequest(transitions=[transition]),
                metadata=[("authorization", f"Bearer o-{TOKEN}")],
                timeout=30,
            )
        self.wait_for_text(self.total("closed"), "1")
        self.browser.script("location.hash = '#/instance/late'")
        self.browser.wait_for("document.querySelectorAll('.history li').length === 2")
        # The record that created this one is also about a machine that is not for the reader.
        self.browser.script("location.hash = '#/instance/door-2'")
        self.wait_for_text("#context", '"tries": 0')
        self.wait_for_text("section .notice:not([hidden])", "may not use the machine counter")
        self.browser.script("location.hash = '#/machine/order'")
        self.wait_for_text("main", "There is no machine order that you may see.")

    def test_an_empty_server_says_that_it_is_empty(self):
        self.traffic.stop()
        self.server.kill()
        shutil.rmtree(self.server.data_dir)
        self.server.start()
        self.open()
        self.wait_for_text(".notice:not([hidden])", "No machine is registered yet.")
        self.wait_for_text("main", "Nothing yet.")
        self.picture("empty")

    def test_what_an_operator_looks_at_first_is_there_and_moves(self):
        self.open()
        for name in ("door", "council", "order", "counter"):
            self.wait_for_text("main", name)
        self.browser.wait_for(f"document.querySelectorAll('.card {self.chart}').length >= 2")
        if "uPlot.esm.js" in self.files:
            self.browser.wait_for("document.querySelectorAll('.plot canvas').length === 2")
        figure = (
            "[...document.querySelectorAll('.figures div')]"
            ".find(each => each.innerText.startsWith(arguments[0])).innerText"
        )
        self.browser.wait_for(f"/[1-9].* .?s$/.test({figure})", "Sync p99")
        self.browser.wait_for(f"/[1-9].* .s$/.test({figure})", "Accepted")
        self.traffic.stop()
        state = self.server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
        self.wait_for_text("#state-hash", state.state_hash.hex())
        self.wait_for_text("#index", f"#{state.index}")
        self.picture("overview")

    def test_an_instance_is_reached_by_keyboard_and_shows_its_history(self):
        self.open()
        self.tab_to("door")
        self.browser.press(browser.ENTER)
        self.wait_for_text("tbody", "door-2")
        self.tab_to("door-2")
        self.browser.press(browser.ENTER)
        self.wait_for_text("h1", "door-2")
        self.wait_for_text("#context", '"tries": 0')
        self.browser.wait_for("document.querySelectorAll('.history li').length === 1")
        submit(self.server.orchestrator, send("door-2", "unlock", {"code": "1"}))
        self.wait_for_text("#context", '"tries": 1')
        submit(self.server.orchestrator, send("door-2", "unlock", {"code": "0000"}))
        self.browser.wait_for("document.querySelectorAll('.history li').length === 3")
        self.wait_for_text(".history li", "unlock")
        self.browser.wait_for(
            "document.querySelector(arguments[0]).classList.contains('active')",
            f"{self.chart} [data-state='closed']",
        )
        self.browser.script("document.querySelector('.history summary').focus()")
        self.browser.press(browser.ENTER)
        self.wait_for_text(".history li details[open]", '"code": "0000"')
        self.picture("instance")

    def test_it_goes_on_after_a_crash_of_the_server_without_a_gap(self):
        self.console_may_say = NO_SERVER
        self.open()
        shown = "[...document.querySelectorAll('.tail li')].map(each => each.dataset.index)"
        self.browser.wait_for(f"{shown}.length > 5")
        before = self.browser.script(f"return {shown}")
        self.server.kill()
        self.wait_for_text("#connection", "reconnecting")
        self.picture("reconnecting")
        self.server.start()
        submit(self.server.orchestrator, send("door-0", "unlock", {"code": "0000"}))
        self.browser.wait_for("document.querySelector('#connection').innerText === 'live'")
        self.traffic.stop()
        last = submit(self.server.orchestrator, send("door-0", "open")).index
        self.browser.wait_for(f"{shown}[0] === arguments[0]", str(last))
        after = [int(each) for each in self.browser.script(f"return {shown}")]
        records = [each.index for each in all_records(self.server.orchestrator) if each.changes]
        self.assertEqual(after[::-1], [each for each in records if each >= after[-1]])
        self.assertIn(int(before[0]), after)
        self.browser.script("location.hash = '#/machine/door'")
        self.wait_for_text(self.total("opened"), "1")
        self.wait_for_text(self.taken("unlock"), "×1")

    def test_another_history_is_read_anew(self):
        self.console_may_say = (*NO_SERVER, "status of 409")
        self.open("#/machine/door")
        self.wait_for_text(self.total("locked"), "3")
        self.traffic.stop()
        self.server.kill()
        shutil.rmtree(self.server.data_dir)
        self.server.start()
        fill(self.server)
        submit(self.server.orchestrator, send("door-0", "unlock", {"code": "0000"}))
        self.wait_for_text(self.total("locked"), "2")
        self.wait_for_text(self.total("closed"), "1")

    def test_it_is_readable_on_a_phone_and_in_the_dark(self):
        backgrounds = set()
        for scheme in ("light", "dark"):
            self.browser.look(*PHONE, scheme)
            for name, view in PHONE_VIEWS.items():
                self.open(view)
                self.browser.wait_for(f"document.querySelector('main {self.chart}, .card')")
                width = self.browser.script("return document.documentElement.scrollWidth")
                self.assertLessEqual(width, PHONE[0], (scheme, name))
                self.picture(f"phone_{name}_{scheme}")
            backgrounds.add(
                self.browser.script("return getComputedStyle(document.body).backgroundColor")
            )
        self.assertEqual(len(backgrounds), 2)
        self.browser.look(*DESK, "dark")
        self.open()
        self.browser.wait_for(f"document.querySelectorAll('.card {self.chart}').length >= 2")
        self.picture("overview_dark")

    def test_nothing_is_loaded_from_elsewhere(self):
        self.console_may_say = ("Content Security Policy",)
        self.open()
        loaded = self.browser.script(
            "return performance.getEntriesByType('resource').map(each => each.name)"
        )
        self.assertGreater(len(loaded), 10)
        for each in loaded:
            self.assertTrue(each.startswith(f"http://{self.server.http_address}/"), each)
        # So would a violation be seen.
        refused = self.browser.module_script(
            "return await new Promise(resolve => {"
            "  addEventListener('securitypolicyviolation', event => resolve(event.blockedURI));"
            "  document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.2:1/x.png'}));"
            "})"
        )
        self.assertEqual(refused, "http://127.0.0.2:1/x.png")

    def test_a_token_is_asked_for_and_sent(self):
        self.console_may_say = (REFUSED,)
        door = self.enterContext(guarded(self.server))
        self.browser.open(f"http://{door}/")
        self.browser.wait_for("document.querySelector('dialog').open")
        self.picture("token")
        self.browser.press(*TOKEN, browser.ENTER)
        self.browser.wait_for("document.querySelector('#connection').innerText === 'live'")
        kept = self.browser.script("return [sessionStorage.length, localStorage.length]")
        self.assertEqual(kept, [1, 0])
        self.wait_for_text("main", "door")

    def test_counts_follow_changes_and_are_bounded(self):
        self.open()
        counts = self.browser.module_script(
            "const {Census, INSTANCES_MAX} = await import('/page/census.js');"
            "const census = new Census();"
            "const change = {machine: 'm', configuration: ['r', 's'], status: 'RUNNING'};"
            "for (let i = 0; i < INSTANCES_MAX; i += 1) census.follow(`i${i}`, change);"
            "const told = (id, more) => census.apply({...change, instanceId: id, ...more});"
            "const whole = census.complete;"
            "told('i0', {configuration: ['r', 't'], edges: ['e', 'e']});"
            "told('i1', {deleted: true}); told('i2', {status: 'FAULTED'}); told('new', {});"
            "const followed = census.complete; told('one too many', {edges: ['e']});"
            "const {states, edges, instances} = census.machine('m');"
            "return [whole, followed, census.complete, instances - INSTANCES_MAX,"
            "  states.get('s') - INSTANCES_MAX, states.get('t'), edges.get('e'), census.faulted];"
        )
        self.assertEqual(counts, [True, True, False, 0, -1, 1, 3, 1])

    def test_quantiles_and_events_are_read_as_they_were_meant(self):
        self.open()
        before, after = HISTOGRAM.format(10, 10, 10), HISTOGRAM.format(20, 40, 50)
        quantiles = self.browser.module_script(
            "const {Reading, quantile, rate} = await import('/page/metrics.js');"
            f"const before = new Reading({json.dumps(before)}, 1);"
            f"const after = new Reading({json.dumps(after)}, 3);"
            "return [...[0.125, 0.5, 1].map(q => quantile(before, after, 'h', q)),"
            "  rate(before, after, 'h_bucket', {le: '+Inf'}), quantile(after, after, 'h', 0.5)];"
        )
        # 10, 20 and 10 were observed in the three buckets.
        self.assertEqual(quantiles, [0.0005, 0.0015, 0.002, 20, None])
        events = self.browser.module_script(
            "const {eventsOf} = await import('/page/event_stream.js');"
            "const bytes = new TextEncoder().encode("
            "  ': hello\\n\\nid: 7\\ndata: ä\\n\\n' +"
            "  'event: status\\ndata: 1\\ndata: 2\\n\\ndata: cut');"
            "const body = new ReadableStream({start(to) {"
            "  for (const each of bytes) to.enqueue(new Uint8Array([each])); to.close(); }});"
            "const events = []; for await (const each of eventsOf(body)) events.push(each);"
            "return events;"
        )
        expected = [
            {"id": "7", "type": "message", "data": "ä"},
            {"id": None, "type": "status", "data": "1\n2"},
        ]
        self.assertEqual(events, expected)


@contextlib.contextmanager
def guarded(server):
    """An address that leads to the server's HTTP port, and to the API only with the token."""

    class Guard(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            is_page = self.path == "/" or self.path.startswith("/page/")
            if not is_page and self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.send_error(401)
                return
            upstream = http.client.HTTPConnection(server.http_address, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name != "Connection"}
            upstream.request("GET", self.path, headers=headers)
            answer = upstream.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name != "Transfer-Encoding":
                    self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError, http.client.HTTPException):
                while piece := answer.read1():
                    self.wfile.write(piece)
            upstream.close()

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard) as listening:
        listening.daemon_threads = True
        listening.block_on_close = False
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()


if __name__ == "__main__":
    test_main.run(HANG_SECONDS_MAX)
