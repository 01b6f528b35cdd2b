// A machine's chart: a diagram where the layout's package was built in, nested lists in any case.

import { definition } from "./api.js";
import { layOut } from "./chart_layout.js";
import { chartModel } from "./chart_model.js";
import { draw } from "./diagram.js";
import { h } from "./dom.js";
import { outline } from "./outline.js";
import { files } from "./packages.js";

const DRAWN_STATES_MAX = 300;

let loading = null;
const loadDagre = () => (loading ??= import("./dagre.esm.js"));

/** Why there is no diagram; "" when there is one. */
function whyNone(root) {
  if (!files.includes("dagre.esm.js")) {
    return "No diagram: this swooshd was built without the npm packages, so the states are a list.";
  }
  const states = [...root.all()].length;
  return states > DRAWN_STATES_MAX ? `No diagram: ${states} states are too many to draw.` : "";
}

/**
 * {element, update(counts), mark(configuration, edges)} for a version of a machine. `interactive`:
 * with links from the states, and the list beside the diagram.
 */
export async function chart(name, version, interactive) {
  const root = chartModel(await definition(name, version));
  const list = outline(root, name);
  const reason = whyNone(root);
  if (reason) {
    const element = h("div", {}, h("p", { class: "notice" }, reason), list.element);
    return { ...list, element };
  }
  layOut(await loadDagre(), root);
  const diagram = draw(root, name, interactive);
  if (!interactive) return diagram;
  const as_list = h("details", {}, h("summary", {}, "The same as a list"), list.element);
  const both = [diagram, list];
  return {
    element: h("div", {}, diagram.element, as_list),
    update: (counts) => both.forEach((each) => each.update(counts)),
    mark: (configuration, edges) => both.forEach((each) => each.mark(configuration, edges)),
  };
}
