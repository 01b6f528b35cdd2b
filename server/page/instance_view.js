// One instance: where it is in its machine, its context, and its history.

import { get, segment } from "./api.js";
import { chart } from "./chart.js";
import { h, paced, setText } from "./dom.js";
import { configurationText, dateTime, machineLink } from "./text.js";

const READ_INTERVAL_MS = 500;
const HISTORY_PAGE_SIZE = 50;

const json = (value) => JSON.stringify(value, null, 2);

/** What a record was asked to do to the instance, or what came due. */
function askedText(record, id) {
  const asked = (record.transitions ?? []).flatMap((transition) =>
    Object.entries(transition).filter(([, body]) => body?.instanceId === id),
  );
  if (asked.length === 0) return "a timer";
  return asked
    .map(([kind, body]) => (kind === "sendEvent" ? body.event : kind.replace("Instance", "")))
    .join(", ");
}

function detail(label, value) {
  return value === undefined ? null : h("div", {}, h("b", {}, label), h("pre", {}, json(value)));
}

function historyItem(record, id) {
  const change = record.changes.find((each) => each.instanceId === id);
  const data = (record.transitions ?? [])
    .map((each) => each.sendEvent)
    .find((each) => each?.instanceId === id)?.data;
  const summary = h(
    "summary",
    {},
    h("span", { class: "index" }, `#${record.index}`),
    h("time", { class: "quiet" }, dateTime(record.hlc?.time)),
    h("b", {}, askedText(record, id)),
    h("span", { class: "edges" }, change.edges?.join(", ") ?? ""),
    h(
      "span",
      { class: "now" },
      change.deleted ? "deleted" : configurationText(change.configuration),
    ),
    record.actor ? h("span", { class: "quiet" }, `by ${record.actor}`) : null,
  );
  return h(
    "li",
    { "data-index": record.index },
    h(
      "details",
      {},
      summary,
      detail("Data of the event", data),
      detail("Told", change.emitted),
      detail("Context after it", change.context),
      detail("Guards answered", record.guardOutcomes),
      detail("Fault", change.fault),
      h(
        "p",
        { class: "quiet" },
        record.requestId ? `request ${record.requestId}` : "without a request id",
      ),
    ),
  );
}

/** An instance's records, the newest first: what is known stays, and what is new goes before it. */
function historyView(id) {
  const list = h("ol", { class: "history", reversed: true });
  const more = h("button", { type: "button", hidden: true, onclick: readMore }, "Older");
  const problem = h("p", { class: "notice", hidden: true });
  const path = `/v1/instances/${segment(id)}/history`;
  let page_token = "";

  async function read() {
    const page = await get(path, { page_size: HISTORY_PAGE_SIZE });
    const known = list.firstChild ? BigInt(list.firstChild.dataset.index) : 0n;
    const records = page.records ?? [];
    const fresh = records.filter((each) => BigInt(each.index) > known);
    // More than a page is new: what lies between is not known, so it begins anew.
    if (fresh.length === records.length) {
      list.replaceChildren();
      page_token = page.nextPageToken ?? "";
      more.hidden = page_token === "";
    }
    list.prepend(...fresh.map((each) => historyItem(each, id)));
  }
  async function readMore() {
    const page = await get(path, { page_size: HISTORY_PAGE_SIZE, page_token });
    list.append(...(page.records ?? []).map((each) => historyItem(each, id)));
    page_token = page.nextPageToken ?? "";
    more.hidden = page_token === "";
  }
  // A record may hold what its reader may not see, where the instance itself has nothing of that.
  async function tryToRead() {
    problem.hidden = true;
    await read().catch((error) => {
      setText(problem, error.message);
      problem.hidden = false;
    });
  }
  const title = h("h2", {}, "History");
  return { element: h("section", {}, title, problem, list, more), read: tryToRead };
}

const timerText = ({ id, event, due }) =>
  `${event || "deletion"}${id ? ` (${id})` : ""} at ${dateTime(due)}`;

function factsOf(instance) {
  const rows = [
    ["Status", instance.status.toLowerCase()],
    ["Active", instance.configuration.join(" › ")],
    ["Takes", instance.enabledEvents?.join(", ") || "no events"],
    ["Timers", instance.timers?.map(timerText).join("\n") || "none"],
    ["Version", `#${instance.version}, ${dateTime(instance.updateTime)}`],
    ["Created", `#${instance.createdIndex}, ${dateTime(instance.createTime)}`],
  ];
  if (instance.output !== undefined) rows.push(["Output", json(instance.output)]);
  if (instance.fault) rows.push(["Fault", instance.fault.message]);
  return rows.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text)));
}

export function instanceView(app, id) {
  const machine = h("p", { class: "quiet" });
  const facts = h("dl", { class: "facts" });
  const context = h("pre", { id: "context", tabindex: "0" });
  const place = h("div");
  const problem = h("p", { class: "notice", hidden: true });
  const history = historyView(id);
  let shown = null;

  async function drawChart({ machine: name, machineVersion }) {
    shown = await chart(name, machineVersion, true);
    place.replaceChildren(shown.element);
  }
  async function read() {
    const instance = await get(`/v1/instances/${segment(id)}`, { view: "VIEW_FULL" });
    const link = h("a", { href: machineLink(instance.machine) }, instance.machine);
    machine.replaceChildren("of ", link, ` version ${instance.machineVersion}`);
    facts.replaceChildren(...factsOf(instance));
    setText(context, json(instance.context ?? {}));
    if (shown === null) await drawChart(instance);
    await history.read();
    const newest = app.lastChangeOf(id, instance.version);
    shown.mark(instance.configuration, newest?.edges ?? []);
    problem.hidden = true;
  }
  const refresh = () =>
    read().catch((error) => {
      setText(problem, error.message);
      problem.hidden = false;
    });
  const update = paced(READ_INTERVAL_MS, refresh);
  refresh();
  return {
    element: h(
      "div",
      {},
      h("h1", {}, id),
      machine,
      problem,
      h("div", { class: "columns" }, place, h("div", {}, facts, h("h2", {}, "Context"), context)),
      history.element,
    ),
    title: `${id} – swoosh`,
    update() {},
    onRecord({ changes }) {
      if (changes.some((each) => each.instanceId === id)) update();
    },
    close() {},
  };
}
