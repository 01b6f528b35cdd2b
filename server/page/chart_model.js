// A machine's definition as a tree of states, with its edges sorted by where they are drawn.

const EVENT_CHARACTERS_MAX = 26;
const GUARD_CHARACTERS_MAX = 18;

const shortened = (text, characters_max) =>
  text.length <= characters_max ? text : `${text.slice(0, characters_max - 1)}…`;

/** What an edge waits for, and its guard, in few characters. */
function edgeText(kind, edge) {
  const guard = edge.guard ?? edge.externalGuard ?? "";
  const event = {
    on: edge.event,
    always: "",
    after: `after ${edge.delay ?? edge.delayExpression}`,
  };
  const shown_guard = guard ? `[${shortened(guard, GUARD_CHARACTERS_MAX)}]` : "";
  return (
    [shortened(event[kind], EVENT_CHARACTERS_MAX), shown_guard].filter(Boolean).join(" ") ||
    "always"
  );
}

function edgesOf(state) {
  return ["on", "always", "after"].flatMap((kind) =>
    (state[kind] ?? []).map((edge, position) => ({
      id: edge.id || `${state.id}/${kind}/${position}`,
      text: edgeText(kind, edge),
      title: [edge.event ?? kind, edge.guard, edge.externalGuard].filter(Boolean).join("\n"),
      targets: edge.target ?? [],
    })),
  );
}

/** A state in the tree, with what is drawn inside it. */
class StateNode {
  constructor(state, parent) {
    this.id = state.id;
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
    this.type = state.type ?? (state.initial ? "COMPOUND" : "ATOMIC");
    this.history = state.history;
    this.initial = state.initial ?? [];
    this.edges = edgesOf(state);
    this.rows = []; // edges that lead nowhere else: written inside the box
    this.lines = []; // {source, target, from, to, edges}, from and to being children, or null: this
    this.children = (state.states ?? []).map((each) => new StateNode(each, this));
  }

  *all() {
    yield this;
    for (const child of this.children) yield* child.all();
  }

  isInside(other) {
    for (let each = this; each; each = each.parent) if (each === other) return true;
    return false;
  }

  /** The child that a state is inside of, or is. */
  childWith(state) {
    return this.children.find((each) => state.isInside(each));
  }

  addLine(source, target, edge) {
    const found = this.lines.find((each) => each.source === source && each.target === target);
    if (found) found.edges.push(edge);
    else {
      const from = source === this ? null : this.childWith(source);
      this.lines.push({ source, target, from, to: this.childWith(target), edges: [edge] });
    }
  }
}

function placeEdge(source, edge, target) {
  if (!target || source.isInside(target)) {
    const suffix = target && target !== source ? ` → ${target.id}` : "";
    source.rows.push({ ...edge, text: `↻ ${edge.text}${suffix}` });
    return;
  }
  let container = source;
  while (!target.isInside(container)) container = container.parent;
  container.addLine(source, target, edge);
}

/** The tree's root. */
export function chartModel(machine) {
  const root = new StateNode(machine.root, null);
  const states = new Map([...root.all()].map((each) => [each.id, each]));
  for (const state of states.values()) {
    for (const edge of state.edges) {
      if (edge.targets.length === 0) placeEdge(state, edge, null);
      for (const target of edge.targets) placeEdge(state, edge, states.get(target));
    }
  }
  return root;
}
