// Where the boxes and lines of a statechart go. Each state's inside is laid out by dagre as a flat
// graph of its own, from the innermost outwards, and counts as one box outside.

const CHARACTER = 7.3; // the width of one, in the diagram's monospaced font
export const LINE = 17;
export const HEADER = 28;
export const PADDING = 10;
const COUNT_CHARACTERS = 7; // room beside a name or a label
const DOT = 12;
const INSIDE = "(inside)"; // no state's id has brackets
const INITIAL = "(initial)";

const textWidth = (characters) => characters * CHARACTER;
const longest = (texts) => Math.max(0, ...texts.map((each) => each.length));

function ownSize(node) {
  if (node.type === "HISTORY") return { width: 30, height: 30 };
  const names = longest([node.id, ...node.rows.map((each) => each.text)]);
  const rows = node.rows.length * LINE + (node.rows.length > 0 ? PADDING : 0);
  // The root has no frame: it is always active.
  const head = node.parent === null ? 0 : HEADER;
  return { width: textWidth(names + COUNT_CHARACTERS) + 2 * PADDING, height: head + rows };
}

function graphOf(dagre, node) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ nodesep: 26, edgesep: 14, ranksep: 26, marginx: 14, marginy: 14 });
  for (const child of node.children) {
    graph.setNode(child.id, { width: child.width, height: child.height });
  }
  const initial = node.initial.map((id) =>
    node.children.find((child) => [...child.all()].some((each) => each.id === id)),
  );
  if (initial[0]) {
    graph.setNode(INITIAL, { width: DOT, height: DOT });
    graph.setEdge(INITIAL, initial[0].id, { width: 0, height: 0 }, INITIAL);
  }
  node.lines.forEach((line, position) => {
    if (line.from === null) graph.setNode(INSIDE, { width: DOT, height: DOT });
    const size = {
      width: textWidth(longest(line.edges.map((each) => each.text)) + COUNT_CHARACTERS),
      height: line.edges.length * LINE,
      labelpos: "c",
    };
    graph.setEdge(line.from?.id ?? INSIDE, line.to.id, size, String(position));
  });
  dagre.layout(graph);
  return graph;
}

/** Sizes a state from what is inside it; positions are relative to the state until place(). */
function size(dagre, node) {
  for (const child of node.children) size(dagre, child);
  const own = ownSize(node);
  Object.assign(node, own);
  if (node.children.length === 0) return;
  const graph = graphOf(dagre, node);
  const inside = graph.graph();
  node.width = Math.max(own.width, inside.width);
  node.height = own.height + inside.height;
  const shift_x = (node.width - inside.width) / 2;
  const moved = ({ x, y }) => ({ x: x + shift_x, y: y + own.height });
  for (const child of node.children) child.center = moved(graph.node(child.id));
  node.dots = [INITIAL, INSIDE]
    .filter((each) => graph.hasNode(each))
    .map((each) => ({ ...moved(graph.node(each)), initial: each === INITIAL }));
  node.routes = graph.edges().map((key) => {
    const found = graph.edge(key);
    const line = key.name === INITIAL ? null : node.lines[Number(key.name)];
    return { line, points: found.points.map(moved), label: line && moved(found) };
  });
}

/** Makes all positions inside a state absolute. */
function place(node, left, top) {
  Object.assign(node, { left, top });
  const move = (point) => Object.assign(point, { x: point.x + left, y: point.y + top });
  node.dots?.forEach(move);
  for (const route of node.routes ?? []) {
    route.points.forEach(move);
    if (route.label) move(route.label);
  }
  for (const child of node.children) {
    place(child, left + child.center.x - child.width / 2, top + child.center.y - child.height / 2);
  }
}

/** Where the way from a box's middle to a point leaves the box. */
function border(node, point) {
  const x = node.left + node.width / 2;
  const y = node.top + node.height / 2;
  const [dx, dy] = [point.x - x, point.y - y];
  const share = Math.min(
    dx === 0 ? Infinity : node.width / 2 / Math.abs(dx),
    dy === 0 ? Infinity : node.height / 2 / Math.abs(dy),
  );
  return share >= 1 ? point : { x: x + dx * share, y: y + dy * share };
}

/** Lines end at the states themselves, which may lie deeper than what dagre was told of. */
function reachStates(root) {
  for (const node of root.all()) {
    for (const { line, points } of node.routes ?? []) {
      if (line === null) continue;
      if (line.from !== null && line.from !== line.source)
        points.unshift(border(line.source, points[0]));
      if (line.to !== line.target) points.push(border(line.target, points.at(-1)));
    }
  }
}

/**
 * Gives each node of a chartModel() `left`, `top`, `width`, `height`, and `routes` and `dots` where
 * it has an inside.
 */
export function layOut(dagre, root) {
  size(dagre, root);
  place(root, 0, 0);
  reachStates(root);
}
