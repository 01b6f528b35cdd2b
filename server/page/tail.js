// The end of the log, newest first, as it happens.

import { get } from "./api.js";
import { h, paced } from "./dom.js";
import { clockTime, configurationText, count, instanceLink, machineLink } from "./text.js";

const RECORDS_MAX = 200;
const RECORDS_READ = 30n; // before the page was opened
const CHANGES_SHOWN_MAX = 5;
const DRAW_INTERVAL_MS = 200;

/** The newest records that a watch told of; outlives the views that show them. */
export class Tail {
  constructor() {
    this.records = []; // WatchResponses with changes, the oldest first
    this.seen = 0; // how many there were
  }

  /** Begins with the last records up to an index, unless they are trimmed. */
  async read(index) {
    const first = index >= RECORDS_READ ? index - RECORDS_READ + 1n : 1n;
    const parameters = { from_index: String(first), page_size: String(RECORDS_READ) };
    const page = await get("/v1/records", parameters).catch(() => ({}));
    for (const record of page.records ?? []) {
      // What came meanwhile, the watch will tell.
      if (record.changes && BigInt(record.index) <= index) this.add(record);
    }
  }

  add(response) {
    this.records.push(response);
    this.seen += 1;
    if (this.records.length > RECORDS_MAX) this.records.shift();
  }
}

function changeText(change) {
  const edges = change.edges?.join(", ");
  if (change.deleted) return "deleted";
  if (change.created) return edges ? `created, ${edges}` : "created";
  return edges || "changed";
}

function changeLine(change) {
  const faulted = change.status === "FAULTED";
  const emitted = change.emitted?.map((each) => each.name).join(", ");
  return h(
    "div",
    { class: faulted ? "change faulted" : "change" },
    h("a", { href: instanceLink(change.instanceId) }, change.instanceId),
    " ",
    h("a", { class: "quiet", href: machineLink(change.machine) }, change.machine),
    h("span", { class: "edges" }, changeText(change)),
    h("span", { class: "now" }, configurationText(change.configuration)),
    emitted ? h("span", { class: "emitted" }, `emits ${emitted}`) : null,
    faulted ? h("b", {}, `FAULTED ${change.fault?.message ?? ""}`) : null,
  );
}

function recordRow({ index, hlc, changes }) {
  const more = changes.length - CHANGES_SHOWN_MAX;
  return h(
    "li",
    { "data-index": index },
    h("span", { class: "index" }, `#${index}`),
    h("time", { class: "quiet", datetime: hlc?.time }, clockTime(hlc?.time)),
    h(
      "div",
      { class: "changes" },
      ...changes.slice(0, CHANGES_SHOWN_MAX).map(changeLine),
      more > 0 ? h("div", { class: "quiet" }, `and ${count(more)} more changes`) : null,
    ),
  );
}

/** {element, update()} of a Tail. It can be held, to read it. */
export function tailView(tail) {
  const list = h("ol", { class: "tail", reversed: true });
  const empty = h("p", { class: "quiet" }, "Nothing yet.");
  const hold = h("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Hold");
  let held = false;
  let drawn = 0; // of tail.seen

  function toggle() {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    update();
  }
  function draw() {
    const waiting = tail.seen - drawn;
    hold.textContent = held && waiting > 0 ? `Hold (${count(waiting)} new)` : "Hold";
    if (held || waiting === 0) return;
    drawn = tail.seen;
    empty.hidden = true;
    list.prepend(...tail.records.slice(-waiting).reverse().map(recordRow));
    while (list.children.length > RECORDS_MAX) list.lastChild.remove();
  }
  const update = paced(DRAW_INTERVAL_MS, draw);
  draw();
  const heading = h(
    "div",
    { class: "bar" },
    h("h2", { id: "tail-title" }, "Tail of the log"),
    hold,
  );
  return {
    element: h("section", { "aria-labelledby": "tail-title" }, heading, empty, list),
    update,
  };
}
