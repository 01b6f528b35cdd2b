// A statechart as nested lists: for who can't see the diagram, and where there is none.

import { h, setText } from "./dom.js";
import { count, machineLink } from "./text.js";

/** {element, update(counts), mark(configuration, edges)}, of a chartModel(). */
export function outline(root, machine) {
  const states = new Map();
  const edges = new Map();

  const edgeItem = (edge) => {
    const taken = h("b", { class: "taken" });
    const target = edge.targets.length > 0 ? ` → ${edge.targets.join(", ")}` : "";
    edges.set(edge.id, taken);
    return h("li", { class: "outline-edge", "data-edge": edge.id }, edge.text, target, taken);
  };
  const stateItem = (node) => {
    const total = h("b", { class: "total" });
    const kind = node.type === "ATOMIC" ? "" : ` ${node.type.toLowerCase()}`;
    const name = h("a", { href: machineLink(machine, node.id) }, node.id);
    const inside = [...node.edges.map(edgeItem), ...node.children.map(stateItem)];
    const item = h(
      "li",
      { "data-state": node.id },
      name,
      h("span", { class: "quiet" }, kind),
      " ",
      total,
    );
    if (inside.length > 0) item.append(h("ul", {}, ...inside));
    states.set(node.id, { item, total });
    return item;
  };

  return {
    element: h("ul", { class: "outline" }, stateItem(root)),
    update(counts) {
      for (const [id, { total }] of states) setText(total, count(counts.states.get(id) ?? 0));
      for (const [id, taken] of edges) {
        const times = counts.edges.get(id) ?? 0;
        setText(taken, times > 0 ? ` ×${count(times)}` : "");
      }
    },
    mark(configuration, last) {
      for (const [id, { item }] of states)
        item.classList.toggle("active", configuration.includes(id));
      for (const [id, taken] of edges)
        taken.parentElement.classList.toggle("active", last.includes(id));
    },
  };
}
