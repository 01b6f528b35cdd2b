// A statechart drawn in SVG, with live counts.

import { HEADER, LINE, PADDING } from "./chart_layout.js";
import { h, setText, svg } from "./dom.js";
import { count, counted, machineLink } from "./text.js";

const CORNER = 6;
const FLASH_MS = 900;

let diagrams = 0;

/** On the way from one point to another, at most so far from the first, and half the way. */
function towards(from, to, distance) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(0.5, distance / length);
  return `${from.x + (to.x - from.x) * share},${from.y + (to.y - from.y) * share}`;
}

/** Through the points, with the corners between them rounded. */
function pathThrough(points) {
  let path = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i + 1 < points.length; i += 1) {
    const [before, corner, after] = points.slice(i - 1, i + 2);
    const [begin, end] = [before, after].map((each) => towards(corner, each, CORNER));
    path += `L${begin}Q${corner.x},${corner.y} ${end}`;
  }
  return `${path}L${points.at(-1).x},${points.at(-1).y}`;
}

class Diagram {
  constructor(root, machine, interactive) {
    this.machine = machine;
    this.interactive = interactive;
    this.states = new Map(); // id -> {group, total, link}
    this.edges = new Map(); // id -> [{group, total, taken}]
    this.arrow = `arrow-${(diagrams += 1)}`;
    const boxes = svg("g");
    const lines = svg("g");
    for (const node of root.all()) {
      boxes.append(this.box(node));
      for (const dot of node.dots ?? []) lines.append(this.dot(dot));
      for (const route of node.routes ?? []) lines.append(this.route(route));
    }
    const head = svg("path", { d: "M0,0L8,4L0,8z", class: "arrow" });
    const marker = { id: this.arrow, viewBox: "0 0 8 8", refX: 7, refY: 4, orient: "auto" };
    const size = { markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse" };
    const [width, height] = [Math.ceil(root.width) + 2, Math.ceil(root.height) + 2];
    const picture = svg(
      "svg",
      {
        class: "diagram",
        viewBox: `-1 -1 ${width} ${height}`,
        width,
        height,
        preserveAspectRatio: "xMidYMin",
        role: interactive ? "group" : "img",
        "aria-label": `The states of ${machine}`,
      },
      svg("defs", {}, svg("marker", { ...marker, ...size }, head)),
      boxes,
      lines,
    );
    picture.style.setProperty("--natural-width", `${width}px`);
    this.element = h("div", { class: "diagram-frame" }, picture);
    // What can be scrolled has to be reached by keyboard.
    if (interactive) this.element.setAttribute("tabindex", "0");
  }

  box(node) {
    const group = svg("g", { class: `state ${node.type.toLowerCase()}`, "data-state": node.id });
    if (node.parent !== null) this.frame(node, group);
    const head = node.parent === null ? 0 : HEADER;
    node.rows.forEach((edge, row) => {
      const y = node.top + head + PADDING / 2 + (row + 0.7) * LINE;
      group.append(this.edgeLabel(edge, node.left + PADDING, y, null));
    });
    return group;
  }

  frame(node, group) {
    const { left, top, width, height } = node;
    const total = svg("text", { x: left + width - PADDING, y: top + 19, class: "total" });
    const frame = { x: left, y: top, width, height, rx: node.type === "FINAL" ? 14 : CORNER };
    const parts = [svg("rect", { ...frame, class: "frame" })];
    if (node.type === "FINAL") {
      const inner = { x: left + 3, y: top + 3, width: width - 6, height: height - 6, rx: 11 };
      parts.push(svg("rect", { ...inner, class: "inner" }));
    }
    if (node.type === "HISTORY") {
      const name = node.history === "DEEP" ? "H*" : "H";
      parts.push(svg("text", { x: left + 15, y: top + 19, class: "history" }, name));
      group.append(...parts, svg("title", {}, node.id));
      return;
    }
    parts.push(svg("text", { x: left + PADDING, y: top + 19, class: "name" }, node.id), total);
    const link = this.interactive ? svg("a", { href: machineLink(this.machine, node.id) }) : group;
    link.append(...parts);
    if (link !== group) group.append(link);
    this.states.set(node.id, { group, total, link });
  }

  dot({ x, y, initial }) {
    const title = svg("title", {}, initial ? "where it begins" : "from any state inside");
    const circle = { cx: x, cy: y, r: initial ? 5 : 4, class: initial ? "initial" : "inside" };
    return svg("circle", circle, title);
  }

  route({ line, points, label }) {
    const path = svg("path", { d: pathThrough(points), "marker-end": `url(#${this.arrow})` });
    if (line === null) return svg("g", { class: "edge quiet" }, path);
    const first = label.y - ((line.edges.length - 1) * LINE) / 2 + 4;
    const labels = line.edges.map((edge, row) =>
      this.edgeLabel(edge, label.x, first + row * LINE, path),
    );
    const ends = { "data-from": line.source.id, "data-to": line.target.id };
    return svg("g", { class: "edge", ...ends }, path, ...labels);
  }

  /** An edge's text; `path` is null for one that is written inside its state. */
  edgeLabel(edge, x, y, path) {
    const total = svg("tspan", { class: "taken" });
    const attributes = { x, y, class: path ? "label" : "label row", "data-edge": edge.id };
    const text = svg(
      "text",
      attributes,
      edge.text,
      total,
      svg("title", {}, `${edge.id}\n${edge.title}`),
    );
    if (!this.edges.has(edge.id)) this.edges.set(edge.id, []);
    this.edges.get(edge.id).push({ text, total, path, taken: 0 });
    return text;
  }

  /** Shows the counts; edges taken since the last time light up. */
  update(counts) {
    for (const [id, { group, total, link }] of this.states) {
      const here = counts.states.get(id) ?? 0;
      if (!setText(total, count(here))) continue;
      group.classList.toggle("empty", here === 0);
      group.style.setProperty("--share", counts.instances ? here / counts.instances : 0);
      if (this.interactive) link.setAttribute("aria-label", `${id}: ${counted(here, "instance")}`);
    }
    for (const [id, places] of this.edges) {
      const taken = counts.edges.get(id) ?? 0;
      for (const place of places) {
        if (taken === place.taken) continue;
        place.taken = taken;
        setText(place.total, ` ×${count(taken)}`);
        this.flash([place.text, place.path]);
      }
    }
  }

  /** Shows one instance instead: where it is, and the edges that it took last. */
  mark(configuration, edges) {
    for (const [id, { group }] of this.states) {
      group.classList.toggle("active", configuration.includes(id));
    }
    for (const [id, places] of this.edges) {
      for (const { text, path } of places) {
        text.classList.toggle("active", edges.includes(id));
        path?.classList.toggle("active", edges.includes(id));
      }
    }
    this.scrollTo(configuration.findLast((id) => this.states.has(id)));
  }

  /** Brings a state into the middle of what is seen of a large diagram. */
  scrollTo(id) {
    if (id === undefined || id === this.scrolled_to) return;
    this.scrolled_to = id;
    const [box, frame] = [this.states.get(id).group, this.element].map((each) =>
      each.getBoundingClientRect(),
    );
    this.element.scrollLeft += box.left + box.width / 2 - frame.left - frame.width / 2;
    this.element.scrollTop += box.top + box.height / 2 - frame.top - frame.height / 2;
  }

  flash(elements) {
    for (const element of elements.filter(Boolean)) {
      element.classList.add("flash");
      setTimeout(() => element.classList.remove("flash"), FLASH_MS);
    }
  }
}

/**
 * A diagram of what layOut() placed: {element, update(counts), mark(configuration, edges)}.
 * `interactive`: each state leads to the instances in it.
 */
export const draw = (root, machine, interactive) => new Diagram(root, machine, interactive);
