// Puts the page together: what is known of the server, the view that the address names, and the
// watch that keeps both going.

import { forgetDefinitions, get, namespace } from "./api.js";
import { Census } from "./census.js";
import { h, paced, setText } from "./dom.js";
import { instanceView } from "./instance_view.js";
import { machineView } from "./machine_view.js";
import { overview } from "./overview.js";
import { Tail } from "./tail.js";
import { hex } from "./text.js";
import { Vitals } from "./vitals.js";
import { watch } from "./watch.js";

const DRAW_INTERVAL_MS = 200;
const RETRY_MS = 1000;

const app = {
  census: new Census(),
  tail: new Tail(),
  vitals: new Vitals(),

  /** What the record at `version` did to an instance, if the tail still has it. */
  lastChangeOf(id, version) {
    const record = this.tail.records.findLast((each) => each.index === version);
    return record?.changes.find((each) => each.instanceId === id);
  },
};

let view = null;

// ---------------------------------------------------------------- the header

const connection = document.getElementById("connection");
const position = document.getElementById("position");
const shown_index = h("dd", { id: "index" });
const shown_hash = h("dd", { id: "hash", class: "hash" });
position.append(h("dt", {}, "index"), shown_index, h("dt", {}, "state"), shown_hash);

function showConnection(state, reason) {
  connection.className = `pill ${state}`;
  setText(connection, reason ? `${state}: ${reason}` : state);
}

function showPosition() {
  const { index, stateHash } = app.vitals.state;
  const watched = app.census.index;
  const known = BigInt(index ?? 0);
  setText(shown_index, `#${known > watched ? known : watched}`);
  setText(shown_hash, hex(stateHash).slice(0, 12));
  shown_hash.title = `${hex(stateHash)} at #${index ?? 0}`;
  const { version, fenced } = app.vitals.status;
  setText(
    document.getElementById("build"),
    app.vitals.error || (version ? `swooshd ${version}` : ""),
  );
  document.body.classList.toggle("fenced", fenced === true);
}

const draw = paced(DRAW_INTERVAL_MS, () => {
  showPosition();
  view?.update();
});

// ---------------------------------------------------------------- the views

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}

/** "#/machine/door?state=open": the view of that name. */
function viewOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [kind, name] = path.split("/");
  if (kind === "machine" && name) {
    return machineView(app, decoded(name), new URLSearchParams(query));
  }
  if (kind === "instance" && name) return instanceView(app, decoded(name));
  return overview(app);
}

app.navigate = function navigate() {
  const content = document.getElementById("content");
  const is_first = view === null;
  view?.close();
  view = viewOf(location.hash);
  document.title = view.title;
  content.replaceChildren(view.element);
  view.update();
  if (is_first) return;
  content.focus({ preventScroll: true });
  scrollTo(0, 0);
};

// ---------------------------------------------------------------- what keeps it going

function onResponse(response) {
  const index = BigInt(response.index ?? 0);
  app.census.index = index;
  if (response.changes) {
    for (const change of response.changes) app.census.apply(change, index);
    app.tail.add(response);
    view.onRecord(response);
  }
  draw();
}

/** Who may not see the default namespace is shown the first one of his own. */
function goToOwnNamespace({ reason, metadata }) {
  if (namespace !== "" || reason !== "NAMESPACE_DENIED" || !metadata.namespaces) return false;
  const [first] = metadata.namespaces.split(" ");
  location.replace(`${location.pathname}?namespace=${encodeURIComponent(first)}${location.hash}`);
  return true;
}

/** Reads all there is and watches what changes after, for ever. */
async function follow() {
  while (true) {
    try {
      const { historyId: history_id } = await get("/v1/state");
      forgetDefinitions();
      const census = new Census();
      await census.read();
      app.census = census;
      app.tail = new Tail();
      await app.tail.read(census.index);
      app.navigate();
      const from_index = String(census.index + 1n);
      const machines = census.machines_allowed ?? [];
      await watch({ from_index, history_id, machines }, { onResponse, onState: showConnection });
      showConnection("reconnecting", "another history, or records that are gone: reading anew");
    } catch (error) {
      if (goToOwnNamespace(error)) return;
      showConnection(error.status === 403 ? "refused" : "reconnecting", error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

document.getElementById("namespace-form").elements.namespace.value = namespace;
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
addEventListener("hashchange", app.navigate);
app.vitals.run(draw);
follow();
