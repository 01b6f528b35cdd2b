// Where the boxes and lines of a statechart go. Each state's inside is laid out by dagre as a flat
// graph of its own, from the innermost outwards, and counts as one box outside.
//
// A line to or from a state that lies deeper leads through a gate: a point at the top or the bottom
// of each inside on its way, which has a rank of its own there. So it is laid out like any other,
// and no line crosses a box that it has nothing to do with: in a rank it keeps to a lane of its
// own, straight up or down, and it moves sideways between ranks only.

const CHARACTER = 7.3; // the width of one, in the diagram's monospaced font
export const LINE = 17;
export const HEADER = 28;
export const PADDING = 10;
const COUNT_CHARACTERS = 7; // room beside a name or a label
const DOT = 12;
const INSIDE = "(inside)"; // no state's id has brackets
const INITIAL = "(initial)";
const GATES = { top: "(top)", bottom: "(bottom)" };
const PASS = "pass "; // of edges' names: through a gate
const BEYOND = "beyond"; // none that is drawn
// Lines through a gate pull little out of place. Whole numbers: dagre compares sums of them with 0.
const LINE_WEIGHT = 10;
const GATE_WEIGHT = 1;
const RANKS_OF_AN_EDGE = 2; // dagre makes room for labels between its nodes' ranks

const textWidth = (characters) => characters * CHARACTER;
const longest = (texts) => Math.max(0, ...texts.map((each) => each.length));
const between = (low, value, high) => Math.max(low, Math.min(value, high));

function ownSize(node) {
  if (node.type === "HISTORY") return { width: 30, height: 30 };
  const names = longest([node.id, ...node.rows.map((each) => each.text)]);
  const rows = node.rows.length * LINE + (node.rows.length > 0 ? PADDING : 0);
  // The root has no frame: it is always active.
  const head = node.parent === null ? 0 : HEADER;
  return { width: textWidth(names + COUNT_CHARACTERS) + 2 * PADDING, height: head + rows };
}

function addInitial(graph, node) {
  const [id] = node.initial;
  const child = node.children.find((each) => [...each.all()].some((state) => state.id === id));
  if (!child) return;
  graph.setNode(INITIAL, { width: DOT, height: DOT });
  graph.setEdge(INITIAL, child.id, { width: 0, height: 0, weight: LINE_WEIGHT }, INITIAL);
}

function addLines(graph, node) {
  node.lines.forEach((line, position) => {
    if (line.from === null) graph.setNode(INSIDE, { width: DOT, height: DOT });
    const size = {
      width: textWidth(longest(line.edges.map((each) => each.text)) + COUNT_CHARACTERS),
      height: line.edges.length * LINE,
      labelpos: "c",
      weight: LINE_WEIGHT,
    };
    // Once it is known which ones lead upwards, nothing is left for dagre to choose.
    const ends = [line.from?.id ?? INSIDE, line.to.id];
    graph.setEdge(...(line.is_upwards ? ends.reverse() : ends), size, String(position));
  });
}

/**
 * `passes`: {line, child, side, is_entering, rank} of the lines through this inside. `ends`: the
 * children that no line leads down to, and those that none leads down from.
 */
function addPasses(graph, { passes, ends }) {
  const addEdge = (side, child, minlen, name) => {
    graph.setNode(GATES[side], { width: 0, height: 0 });
    const nodes = side === "top" ? [GATES.top, child.id] : [child.id, GATES.bottom];
    graph.setEdge(...nodes, { width: 0, height: 0, weight: GATE_WEIGHT, minlen }, name);
  };
  passes.forEach(({ child, side, rank }, position) => {
    // As long as the way to the edge of the inside.
    addEdge(side, child, Math.ceil(rank / RANKS_OF_AN_EDGE) + 1, `${PASS}${position}`);
  });
  // So that nothing lies beyond a gate.
  for (const side of new Set(passes.map((each) => each.side))) {
    for (const child of ends[side]) addEdge(side, child, 1, BEYOND);
  }
}

function graphOf(dagre, node) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ nodesep: 26, edgesep: 14, ranksep: 26, marginx: 14, marginy: 14 });
  for (const child of node.children) {
    graph.setNode(child.id, { width: child.width, height: child.height });
  }
  addInitial(graph, node);
  addLines(graph, node);
  addPasses(graph, node);
  dagre.layout(graph);
  return graph;
}

/** How tall the rank at each y is: of the boxes and labels in it, whose middles have the same y. */
class Ranks {
  constructor(graph) {
    this.heights = new Map();
    for (const id of graph.nodes()) this.add(graph.node(id));
    for (const key of graph.edges()) this.add(graph.edge(key));
  }

  add({ y, height }) {
    if (y === undefined) return;
    const key = Math.round(y);
    this.heights.set(key, Math.max(height, this.heights.get(key) ?? 0));
  }

  /** The lane at a point: straight through its rank. */
  lane({ x, y }) {
    const half = (this.heights.get(Math.round(y)) ?? 0) / 2;
    return { x, top: y - half, bottom: y + half };
  }
}

/**
 * Sizes a state from what is inside it; positions are relative to the state until place(). False:
 * it is as it was, as no line was led through since.
 */
function size(dagre, node) {
  const is_new = node.width === undefined || node.passes.length > 0;
  const resized = node.children.map((child) => size(dagre, child));
  if (!is_new && !resized.includes(true)) return false;
  const own = ownSize(node);
  Object.assign(node, own);
  if (node.children.length === 0) return true;
  const graph = graphOf(dagre, node);
  const inside = graph.graph();
  node.width = Math.max(own.width, inside.width);
  node.height = own.height + inside.height;
  const shift_x = (node.width - inside.width) / 2;
  const moved = ({ x, y }) => ({ x: x + shift_x, y: y + own.height });
  const ranks = new Ranks(graph);
  const movedLane = (point) => {
    const { x, top, bottom } = ranks.lane(point);
    return { x: x + shift_x, top: top + own.height, bottom: bottom + own.height };
  };
  for (const child of node.children) {
    const found = graph.node(child.id);
    child.center = moved(found);
    child.rank = found.rank;
    child.span = movedLane(found); // of its rank, which a larger box may make taller
  }
  node.ranks = Math.max(...node.children.map((each) => each.rank)) + 1;
  node.dots = [INITIAL, INSIDE]
    .filter((each) => graph.hasNode(each))
    .map((each) => {
      const found = graph.node(each);
      return { ...moved(found), span: movedLane(found), initial: each === INITIAL };
    });
  // The first and the last point are where it leaves and reaches a box.
  const lanesOf = (found) => found.points.slice(1, -1).map(movedLane);
  node.routes = [];
  for (const key of graph.edges()) {
    const found = graph.edge(key);
    const lanes = lanesOf(found);
    if (key.name === BEYOND) continue;
    if (key.name.startsWith(PASS)) {
      const pass = node.passes[Number(key.name.slice(PASS.length))];
      // From the gate inwards.
      pass.lanes = pass.side === "top" ? lanes : lanes.reverse();
    } else if (key.name === INITIAL) {
      const dot = node.dots.find((each) => each.initial);
      const child = node.children.find((each) => each.id === key.w);
      node.routes.push({ line: null, dot, child, lanes });
    } else {
      const line = node.lines[Number(key.name)];
      const dot = line.from === null ? node.dots.find((each) => !each.initial) : null;
      if (line.is_upwards) lanes.reverse();
      node.routes.push({ line, dot, lanes, label: moved(found) });
    }
  }
  return true;
}

/** Of each line that leads deeper, the gates on its way; what dagre placed tells the sides. */
function findPasses(root) {
  for (const node of root.all()) {
    node.ends = { top: new Set(node.children), bottom: new Set(node.children) };
    for (const { line, dot } of node.routes ?? []) {
      if (line === null) continue;
      const start = dot ?? line.from.center;
      const is_downwards = start.y < line.to.center.y;
      line.is_upwards = !is_downwards;
      node.ends.top.delete(is_downwards ? line.to : line.from);
      node.ends.bottom.delete(is_downwards ? line.from : line.to);
      addGates(line, line.to, line.target, is_downwards ? "top" : "bottom", true);
      if (line.from) {
        addGates(line, line.from, line.source, is_downwards ? "bottom" : "top", false);
      }
    }
  }
}

/** From a box inwards to a state in it. */
function addGates(line, box, state, side, is_entering) {
  for (let node = box; node !== state; node = node.childWith(state)) {
    const child = node.childWith(state);
    const rank = side === "top" ? child.rank : node.ranks - 1 - child.rank;
    node.passes.push({ line, child, side, is_entering, rank });
  }
}

/** Makes all positions inside a state absolute. */
function place(node, left, top) {
  Object.assign(node, { left, top });
  const move = (point) => Object.assign(point, { x: point.x + left, y: point.y + top });
  const moveLane = (lane) => {
    Object.assign(lane, { x: lane.x + left, top: lane.top + top, bottom: lane.bottom + top });
  };
  for (const dot of node.dots ?? []) {
    move(dot);
    moveLane(dot.span);
  }
  for (const { lanes, label } of node.routes ?? []) {
    lanes.forEach(moveLane);
    if (label) move(label);
  }
  for (const { lanes } of node.passes) lanes.forEach(moveLane);
  for (const child of node.children) {
    moveLane(child.span);
    place(child, left + child.center.x - child.width / 2, top + child.center.y - child.height / 2);
  }
}

/** The lane between the edge of a box and that of its rank, at x or as near as the box has it. */
function approach(box, x, side) {
  const { top, bottom } = box.span;
  const ends =
    side === "top" ? { top, bottom: box.top } : { top: box.top + box.height, bottom };
  return { x: between(box.left + PADDING, x, box.left + box.width - PADDING), ...ends };
}

/**
 * The lanes of a line from outside a box to a state in it, or to the box itself. `x` is where it
 * comes from.
 */
function lanesInto(line, box, state, side, x, is_entering) {
  const lanes = [];
  let node = box;
  for (; node !== state; node = node.childWith(state)) {
    const pass = node.passes.find(
      (each) => each.line === line && each.is_entering === is_entering,
    );
    lanes.push(approach(node, pass.lanes[0]?.x ?? x, side), ...pass.lanes);
  }
  return [...lanes, approach(state, lanes.at(-1)?.x ?? x, side)];
}

/** The corners of a line through lanes. */
function corners(start, lanes) {
  const points = [start];
  const add = (x, y) => {
    const last = points.at(-1);
    if (x !== last.x || y !== last.y) points.push({ x, y });
  };
  for (const { x, top, bottom } of lanes) {
    const is_downwards = points.at(-1).y <= (top + bottom) / 2;
    add(x, is_downwards ? top : bottom);
    add(x, is_downwards ? bottom : top);
  }
  return points;
}

const middle = ({ span }) => span.top + span.bottom;

function pointsOf({ line, dot, child, lanes }) {
  const from = dot ?? line.from;
  const to = child ?? line.to;
  const is_downwards = middle(from) < middle(to);
  const [leaves, reaches] = is_downwards ? ["bottom", "top"] : ["top", "bottom"];
  const after = lanesInto(line, to, line?.target ?? child, reaches, lanes.at(-1).x, true);
  const before = dot
    ? [{ ...dot.span, [reaches]: dot.y }]
    : lanesInto(line, from, line.source, leaves, lanes[0].x, false).reverse();
  const start = { x: before[0].x, y: before[0][reaches] };
  return corners(start, [...before, ...lanes, ...after]);
}

function drawRoutes(root) {
  for (const node of root.all()) {
    for (const route of node.routes ?? []) route.points = pointsOf(route);
  }
}

/**
 * Gives each node of a chartModel() `left`, `top`, `width`, `height`, and `routes` and `dots` where
 * it has an inside. A route has `points`, and a `label` where it has text.
 */
export function layOut(dagre, root) {
  for (const node of root.all()) node.passes = [];
  // The first time tells on which side of its box each line is; gates change nothing of that.
  size(dagre, root);
  findPasses(root);
  size(dagre, root);
  place(root, 0, 0);
  drawRoutes(root);
}
