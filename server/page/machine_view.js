// One machine: its diagram with live counts, and its instances.

import { get } from "./api.js";
import { chart } from "./chart.js";
import { h, paced, setText } from "./dom.js";
import { partialNote } from "./overview.js";
import { configurationText, count, dateTime, instanceLink, machineLink } from "./text.js";

const PAGE_SIZE = 50;
const READ_INTERVAL_MS = 1000;
const TYPING_INTERVAL_MS = 200;

function instanceRow(instance) {
  const link = h("a", { href: instanceLink(instance.id) }, instance.id);
  return h(
    "tr",
    { class: instance.status === "FAULTED" ? "faulted" : null },
    h("th", { scope: "row" }, link),
    h("td", {}, configurationText(instance.configuration)),
    h("td", {}, instance.status.toLowerCase()),
    h("td", { class: "number" }, `#${instance.version}`),
    h("td", {}, dateTime(instance.updateTime)),
  );
}

const STATUSES = ["", "RUNNING", "DONE", "FAULTED"];

function filterForm(state, onChange) {
  const select = h("select", { name: "status" });
  select.append(
    ...STATUSES.map((each) => h("option", { value: each }, each.toLowerCase() || "any")),
  );
  const form = h(
    "form",
    { class: "filters", onsubmit: (event) => event.preventDefault(), oninput: onChange },
    h("label", {}, "Id begins with ", h("input", { name: "id_prefix", type: "search", size: 16 })),
    h("label", {}, "In state ", h("input", { name: "states", value: state, size: 16 })),
    h("label", {}, "Status ", select),
  );
  return { form, values: () => Object.fromEntries(new FormData(form)) };
}

/** The instances of a machine, read anew when they have changed. */
function instancesView(machine, state) {
  const body = h("tbody");
  const note = h("p", { class: "quiet" });
  const heads = ["Instance", "Active states", "Status", "Version", "Changed"];
  const head = h("tr", {}, ...heads.map((each) => h("th", { scope: "col" }, each)));
  const table = h("table", {}, h("thead", {}, head), body);
  const more = h("button", { type: "button", hidden: true, onclick: readMore }, "More");
  const refresh = () => read().catch((error) => setText(note, error.message));
  const update = paced(READ_INTERVAL_MS, refresh);
  const { form, values } = filterForm(state, paced(TYPING_INTERVAL_MS, refresh));
  let pages = 1;
  let reads = 0;

  async function page(token) {
    const parameters = { machine, page_size: PAGE_SIZE, view: "VIEW_BASIC", page_token: token };
    const found = await get("/v1/instances", { ...parameters, ...values() });
    return { rows: (found.instances ?? []).map(instanceRow), next: found.nextPageToken ?? "" };
  }
  async function read() {
    const number = (reads += 1);
    let rows = [];
    let next = "";
    for (let i = 0; i < pages && (i === 0 || next); i += 1) {
      const found = await page(next);
      rows = rows.concat(found.rows);
      next = found.next;
    }
    if (number !== reads) return; // a later one was asked for since
    // A link that has the keyboard's focus keeps it.
    const focused = body.contains(document.activeElement)
      ? document.activeElement.textContent
      : null;
    body.replaceChildren(...rows);
    if (focused)
      [...body.querySelectorAll("a")].find((each) => each.textContent === focused)?.focus();
    more.hidden = next === "";
    setText(note, rows.length === 0 ? "None." : "");
  }
  function readMore() {
    pages += 1;
    refresh();
  }
  refresh();
  const frame = h("div", { class: "table-frame" }, table);
  return { element: h("section", {}, h("h2", {}, "Instances"), form, frame, note, more), update };
}

const whichOnes = ({ census }) => (census.machines_allowed ? " that you may see" : "");

function unknownMachine(app, name) {
  return {
    element: h("p", { class: "notice" }, `There is no machine ${name}${whichOnes(app)}.`),
    title: "swoosh",
    update() {
      if (app.census.machines.has(name)) app.navigate();
    },
    onRecord() {},
    close() {},
  };
}

export function machineView(app, name, parameters) {
  const counts = app.census.machines.get(name);
  if (counts === undefined) return unknownMachine(app, name);
  const state = parameters.get("state") ?? "";
  const place = h("div", {}, h("p", { class: "quiet" }, "Reading the definition …"));
  const summary = h("p", { class: "quiet" });
  const partial = h("p", { class: "notice", hidden: true }, partialNote());
  const instances = instancesView(name, state);
  let shown = null;
  let version = 0;

  async function draw() {
    version = counts.version;
    try {
      const made = await chart(name, version, true);
      place.replaceChildren(made.element);
      shown = made;
      update();
    } catch (error) {
      place.replaceChildren(h("p", { class: "notice" }, error.message));
    }
  }
  function update() {
    if (counts.version !== version) draw();
    const { RUNNING, DONE, FAULTED } = counts.status;
    const parts = [`version ${counts.version}`, `${count(RUNNING)} running`, `${count(DONE)} done`];
    setText(summary, [...parts, `${count(FAULTED)} faulted`].join(" · "));
    partial.hidden = app.census.complete;
    shown?.update(counts);
  }
  return {
    element: h(
      "div",
      {},
      h("h1", {}, h("a", { href: machineLink(name) }, name)),
      summary,
      partial,
      place,
      h(
        "p",
        { class: "quiet" },
        "Beside an edge: how often it was taken since the page was opened.",
      ),
      instances.element,
    ),
    title: `${name} – swoosh`,
    update,
    onRecord({ changes }) {
      if (changes.some((each) => each.machine === name)) instances.update();
    },
    close() {},
  };
}
