"""Random statecharts as v1.Machine in JSON, legal and lively, with the events to send them."""

import random

DEPTH_MAX = 4
CHILDREN_MAX = 4
STATES_MAX = 40
CLIENT_EVENTS = ("a", "a.x", "b", "c", "d")
DESCRIPTORS = ("a", "a.*", "a.x", "b", "b", "c", "c", "d", "b c", "d a.x", "a b", "c", "d a")
# Raised by actions only. An edge on one raises a later one only, to make endless loops rare.
INTERNAL_EVENTS = ("i.1", "i.2", "i.3")


class Node:
    def __init__(self, kind, parent):
        self.kind = kind
        self.parent = parent
        self.children = []
        self.json = {}

    @property
    def states(self):
        return [child for child in self.children if child.kind != "HISTORY"]

    @property
    def id(self):
        return self.json["id"]

    def inside(self):
        """The descendants, in document order."""
        for child in self.children:
            yield child
            yield from child.inside()

    def is_inside(self, ancestor):
        node = self.parent
        while node is not None and node is not ancestor:
            node = node.parent
        return node is ancestor


class ChartGenerator:
    """Makes charts. The same numbers from `rng` make the same ones."""

    def __init__(self, rng):
        self.rng = rng
        self.marks = 0  # names of emit actions given so far

    def case(self, name, event_count):
        """{"machine", "events"}"""
        machine = {"name": name, "root": self._root()}
        events = [self.rng.choice(CLIENT_EVENTS) for _ in range(event_count)]
        return {"machine": machine, "events": events}

    def _chance(self, probability):
        return self.rng.random() < probability

    def _root(self):
        rng = self.rng
        # Charts differ in what they are rich in.
        self.parallel = rng.uniform(0.05, 0.5)
        self.compound = rng.uniform(0.2, 0.6)
        self.history = rng.uniform(0.1, 0.7)
        self.final = rng.uniform(0.0, 1.0)
        # In some charts all regions can be done, and parallel states wait for it.
        self.finishing = self._chance(0.25)
        self.deep_initial = rng.choice((0.0, 0.4))
        self.guarded = rng.uniform(0.0, 0.4)
        self.eventless = rng.uniform(0.0, 0.25)
        self.acting = rng.uniform(0.0, 0.4)
        self.edges = rng.uniform(1.2, 2.8)
        self.states_left = rng.randint(4, STATES_MAX)
        root = Node("PARALLEL" if self._chance(0.15) else "COMPOUND", None)
        self._add_children(root, 0)
        self.nodes = [root, *root.inside()]
        for number, node in enumerate(self.nodes):
            node.number = number
            node.json["id"] = f"s{number}"
        for node in self.nodes:
            self._describe(node)
        for node in self.nodes:
            if node.children:
                node.json["states"] = [child.json for child in node.children]
        return root.json

    # ---------------------------------------------------------------- the tree

    def _add_children(self, node, depth):
        parallel = node.kind == "PARALLEL"
        count = self.rng.randint(2, 3 if parallel else CHILDREN_MAX)
        for _ in range(count):
            self.states_left -= 1
            child = Node(self._kind(parallel, depth), node)
            node.children.append(child)
            if child.kind in ("COMPOUND", "PARALLEL"):
                self._add_children(child, depth + 1)
        region = node.parent is not None and node.parent.kind == "PARALLEL"
        final = 0.15 * self.final if node.parent is None else self.final
        if not parallel and self._chance(1 if region and self.finishing else final):
            self._insert(Node("FINAL", node))
        if node.parent is not None:
            for _ in range(2):
                if self._chance(self.history * (0.5 if parallel else 0.7)):
                    self._insert(Node("HISTORY", node))

    def _insert(self, node):
        children = node.parent.children
        children.insert(self.rng.randint(0, len(children)), node)

    def _kind(self, in_parallel, depth):
        if in_parallel and self.finishing:
            return "COMPOUND"
        if depth >= DEPTH_MAX or self.states_left <= 0:
            return "ATOMIC"
        if self._chance(self.parallel * (0.4 if in_parallel else 1)):
            return "PARALLEL"
        return "COMPOUND" if self._chance(0.8 if in_parallel else self.compound) else "ATOMIC"

    # ---------------------------------------------------------------- what is in the states

    def _describe(self, node):
        node.json["type"] = node.kind
        if node.kind == "HISTORY":
            if self._chance(0.5):
                node.json["history"] = "DEEP"
            node.json["initial"] = self._default_of_history(node)
            return
        if node.kind == "COMPOUND":
            node.json["initial"] = self._initial(node)
        if node.parent is not None:
            for when in ("entry", "exit"):
                self._put(node.json, when, self._actions(len(INTERNAL_EVENTS) - 1))
        if node.kind != "FINAL":
            edges = [self._edge(node) for _ in range(self._edge_count(node))]
            if node.kind == "PARALLEL" and self.finishing:
                edges.append(self._edge_when_done(node))
            self._put(node.json, "on", edges)
            if node.parent is not None and self._chance(self.eventless):
                self._put(node.json, "always", list(filter(None, [self._eventless_edge(node)])))

    @staticmethod
    def _put(json, key, value):
        if value:
            json[key] = value

    def _initial(self, node):
        if not self._chance(self.deep_initial):
            return [self.rng.choice(node.states).id]
        if self._chance(0.5):
            return self._targets_in_regions(list(node.inside())) or [node.states[-1].id]
        return [self.rng.choice(list(node.inside())).id]

    def _default_of_history(self, node):
        inside = [each for each in node.parent.inside() if each.kind != "HISTORY"]
        if self._chance(0.3):
            targets = self._targets_in_regions([node.parent, *inside], with_history=False)
            if targets:
                return targets
        if self._chance(0.5):
            inside = node.parent.states
        return [self.rng.choice(inside).id]

    def _targets_in_regions(self, nodes, with_history=True):
        """Ids of states in different regions of one parallel state among `nodes`, or []."""
        parallels = [node for node in nodes if node.kind == "PARALLEL"]
        if not parallels:
            return []
        parallel = self.rng.choice(parallels)
        regions = self.rng.sample(parallel.states, self.rng.randint(2, len(parallel.states)))
        targets = []
        for region in regions:
            states = [region, *region.inside()]
            targets.append(
                self.rng.choice([s for s in states if with_history or s.kind != "HISTORY"]).id
            )
        return targets

    def _edge_count(self, node):
        mean = self.edges if node.kind == "ATOMIC" else self.edges / 2
        return int(mean) + self._chance(mean % 1)

    def _edge(self, node):
        level = 0  # of the internal event that it is taken on
        if self._chance(0.68):
            event = self.rng.choice(DESCRIPTORS)
            if self._chance(0.03):
                event = "*"
                level = len(INTERNAL_EVENTS)
        elif self._chance(0.4):
            level = self.rng.randint(1, len(INTERNAL_EVENTS))
            event = INTERNAL_EVENTS[level - 1]
        else:
            done = [each for each in (node, *node.inside()) if self._may_be_done(each)]
            event = "done.state." + self.rng.choice(done or self.nodes).id
            if self._chance(0.1):
                event = "done.state"
        edge = {"event": event}
        if self._chance(0.12):
            self._put(edge, "actions", self._actions(level, 0.8))
        else:
            edge["target"] = self._targets(node)
            if self._chance(0.35):
                edge["internal"] = True
            self._put(edge, "actions", self._actions(level))
        if self._chance(self.guarded):
            edge["guard"] = self._guard()
        return edge

    def _edge_when_done(self, node):
        edge = {"event": f"done.state.{node.id}"}
        if self._chance(0.5):
            edge["target"] = self._targets(node)
        self._put(edge, "actions", self._actions(0, 0.8))
        return edge

    def _may_be_done(self, node):
        if node.kind == "COMPOUND":
            return any(child.kind == "FINAL" for child in node.children)
        return node.kind == "PARALLEL" and all(map(self._may_be_done, node.states))

    def _targets(self, node):
        if self._chance(0.15):
            targets = self._targets_in_regions(self.nodes)
            if targets:
                return targets
        if self._chance(0.25):
            histories = [each for each in self.nodes if each.kind == "HISTORY"]
            if histories:
                return [self.rng.choice(histories).id]
        siblings = node.parent.children if node.parent else ()
        finals = [each for each in siblings if each.kind == "FINAL"]
        if finals and self._chance(0.6 if self.finishing else 0.3):
            return [finals[0].id]
        if node.children and self._chance(0.5):
            return [self.rng.choice(list(node.inside())).id]
        return [self.rng.choice(self.nodes[1:]).id]

    def _eventless_edge(self, node):
        """Without a guard it leads onward in the document, so that it can't go round for ever."""
        onward = [
            each
            for each in self.nodes[node.number + 1 :]
            if each.kind != "HISTORY" and not each.is_inside(node)
        ]
        if self._chance(0.8):
            if not onward:
                return None
            edge = {"target": [self.rng.choice(onward).id]}
            if self._chance(0.6):
                edge["guard"] = self._guard()
        else:
            targets = self._targets(node)
            edge = {"target": targets, "guard": f"!In('{self.rng.choice(targets)}')"}
            if self._chance(0.7):
                edge["guard"] += " && " + self._guard()
        self._put(edge, "actions", self._actions(0))
        return edge

    def _guard(self):
        terms = []
        for _ in range(1 + self._chance(0.3)):
            state = self.rng.choice(self.nodes[1:]).id
            terms.append(("!" if self._chance(0.6) else "") + f"In('{state}')")
        return " && ".join(terms)

    def _actions(self, level, probability=None):
        """Maybe one that raises an event beyond `level`, or is seen."""
        actions = []
        if self._chance(self.acting if probability is None else probability):
            later = INTERNAL_EVENTS[level:]
            if later and self._chance(0.6):
                actions.append({"raise": {"event": self.rng.choice(later)}})
            else:
                self.marks += 1
                actions.append({"emit": {"name": f"mark{self.marks}"}})
        return actions


def case(number, event_count):
    """Chart `number` of all there are, and `event_count` events for it."""
    return ChartGenerator(random.Random(number)).case(f"chart{number}", event_count)
