// The first view: how the server is, its machines, and the tail of its log.

import { chart } from "./chart.js";
import { INSTANCES_MAX } from "./census.js";
import { h, setText } from "./dom.js";
import { plot } from "./plots.js";
import { tailView } from "./tail.js";
import {
  bytes,
  count,
  counted,
  dateTime,
  figure,
  hex,
  machineLink,
  perSecond,
  seconds,
} from "./text.js";

const FIGURES = [
  ["Accepted", (vitals) => perSecond(vitals.latest("accepted"))],
  ["Refused", (vitals) => perSecond(vitals.latest("refused"))],
  ["Sync p50", (vitals) => seconds(vitals.latest("sync_p50"))],
  ["Sync p99", (vitals) => seconds(vitals.latest("sync_p99"))],
  ["Queue", (vitals) => count(vitals.metric("swoosh_queue_depth"))],
  ["Instances", (vitals) => count(Number(vitals.state.instanceCount ?? 0))],
  ["Timers", (vitals) => count(Number(vitals.state.timerCount ?? 0))],
  ["Faulted", (_vitals, census) => count(census.faulted)],
  ["Watchers", (vitals) => count(vitals.metric("swoosh_watchers"))],
  ["Log", (vitals) => bytes(vitals.metric("swoosh_wal_size_bytes"))],
  ["Disk free", (vitals) => bytes(vitals.metric("swoosh_disk_free_bytes"))],
  ["Snapshot", (vitals) => `#${vitals.status.lastSnapshotIndex ?? 0}`],
  ["Proven", (vitals) => `#${vitals.status.verifiedIndex ?? 0}`],
];

function figuresView({ vitals, census }) {
  const cells = FIGURES.map(([label, value]) => ({ value, label, text: h("dd", {}, "–") }));
  const list = cells.map(({ label, text }) => h("div", {}, h("dt", {}, label), text));
  return {
    element: h("dl", { class: "figures" }, ...list),
    update() {
      if (vitals.reading === null) return;
      for (const { label, value, text } of cells) {
        setText(text, value(vitals, census));
        if (label === "Faulted") text.classList.toggle("bad", census.faulted > 0);
      }
    },
  };
}

function stateView({ vitals }) {
  const index = h("span");
  const hash = h("code", { id: "state-hash", class: "hash" });
  const history = h("code", { class: "hash" });
  const started = h("span");
  const recovery = h("span");
  const row = (label, value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  const rows = [
    row("State hash", hash),
    row("at index", index),
    row("History", history),
    row("Server started", started),
    row("Recovered", recovery),
  ];
  return {
    element: h("dl", { class: "facts" }, ...rows),
    update() {
      setText(index, `#${vitals.state.index ?? 0}`);
      setText(hash, hex(vitals.state.stateHash));
      setText(history, vitals.state.historyId ?? "");
      setText(started, dateTime(vitals.status.startTime));
      setText(recovery, vitals.status.recovery ?? "");
    },
  };
}

/** A machine's card; its diagram is made when the card is first seen. */
function machineCard(counts, seen) {
  const name = h("a", { href: machineLink(counts.name) }, counts.name);
  const summary = h("p", { class: "quiet" });
  const place = h("div", { class: "card-diagram" });
  const element = h("article", { class: "card" }, h("h3", {}, name), summary, place);
  let shown = null;
  seen(element, async () => {
    shown = await chart(counts.name, counts.version, false);
    place.append(shown.element);
    update();
  });
  function update() {
    const { DONE, FAULTED } = counts.status;
    const parts = [`version ${counts.version}`, counted(counts.instances, "instance")];
    if (DONE) parts.push(`${count(DONE)} done`);
    if (FAULTED) parts.push(`${count(FAULTED)} faulted`);
    setText(summary, parts.join(" · "));
    element.classList.toggle("bad", FAULTED > 0);
    shown?.update(counts);
  }
  update();
  return { element, update };
}

const busiestFirst = (machines) => [...machines].sort(([, a], [, b]) => b.instances - a.instances);

function machinesView({ census }) {
  const cards = new Map();
  const list = h("div", { class: "cards" });
  const note = h("p", { class: "notice", hidden: true });
  const limits = h("p", { class: "notice", id: "limits", hidden: true });
  const actions = new Map();
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      actions.get(target)();
    }
  });
  const seen = (element, action) => {
    actions.set(element, action);
    observer.observe(element);
  };
  return {
    element: h("section", {}, h("h2", {}, "Machines"), limits, note, list),
    update() {
      for (const [name, counts] of busiestFirst(census.machines)) {
        if (!cards.has(name)) {
          cards.set(name, machineCard(counts, seen));
          list.append(cards.get(name).element);
        }
        cards.get(name).update();
      }
      limits.hidden = census.machines_allowed === null;
      setText(limits, `You see these machines only: ${census.machines_allowed?.join(", ")}.`);
      note.hidden = census.complete && census.machines.size > 0;
      setText(note, census.complete ? NOTHING_YET : partialNote());
    },
    close: () => observer.disconnect(),
  };
}

const NOTHING_YET = "No machine is registered yet. `swooshctl machine put FILE` registers one.";

/** What is said where not all instances are counted. */
export const partialNote = () => `Counts are of the first ${count(INSTANCES_MAX)} instances.`;

function plotsView({ vitals }) {
  const { series } = vitals;
  const line = (label, color, name) => ({ label, color, values: () => series[name] });
  const times = () => series.time;
  const plots = [
    plot({
      title: "Sync latency",
      lines: [line("p50", "--first", "sync_p50"), line("p99", "--second", "sync_p99")],
      times,
      text: seconds,
      floor: 0.001,
    }),
    plot({
      title: "Proposals a second",
      lines: [line("accepted", "--first", "accepted"), line("refused", "--second", "refused")],
      times,
      text: figure,
      floor: 1,
    }),
  ];
  return {
    element: h("div", { class: "plots" }, ...plots.map((each) => each.element)),
    update: () => plots.forEach((each) => each.update()),
    close: () => plots.forEach((each) => each.close()),
  };
}

/** A view: {element, update(), onRecord(response), close()}. */
export function overview(app) {
  const tail = tailView(app.tail);
  const [figures, plots, machines, state] = [figuresView, plotsView, machinesView, stateView].map(
    (each) => each(app),
  );
  const parts = [figures, machines, state];
  const server = h("section", { class: "server" }, h("h1", { class: "unseen" }, "Overview"));
  server.append(figures.element, plots.element);
  const columns = h("div", { class: "columns" }, machines.element, tail.element);
  let samples = 0;
  return {
    element: h("div", {}, server, columns, state.element),
    title: "swoosh",
    update() {
      parts.forEach((each) => each.update());
      if (app.vitals.samples !== samples) {
        samples = app.vitals.samples;
        plots.update();
      }
    },
    onRecord: () => tail.update(),
    close() {
      plots.close();
      machines.close();
    },
  };
}
