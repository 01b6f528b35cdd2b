"""The algorithm of W3C SCXML, Appendix D, written down from its pseudo-code, for v1.Machine.

It is the yardstick for the interpreter in core/statechart, so it shares nothing with it, and does
as the recommendation of 1 September 2015 says, procedure by procedure and under its names, whatever
that costs. What charts can do is limited to what the comparison needs: edges on events and without,
guards of In() and !In(), and the actions raise and emit.

Beyond the standard, as machine.proto says:
  - The root stands for the <scxml> element. It may have edges: their domain is the root, because
    nothing lies above it, also where the standard would look for an ancestor.
  - A PARALLEL root is a child of such an element, and the machine is done when all regions of it
    are.
  - How the machine ended stays to be seen: exitInterpreter runs the exit content, and leaves the
    configuration as it was.
"""

import collections
import functools
import itertools
import operator
import re

MICROSTEPS_MAX = 50
NAME_IN_GUARD = re.compile(r"(!?)In\('([^']+)'\)")


class EndlessError(Exception):
    """A macrostep took more than MICROSTEPS_MAX microsteps."""


class State:
    """A state of the document, with what the standard's procedures ask of it."""

    def __init__(self, node, parent):
        self.id = node["id"]
        self.parent = parent
        self.children = []  # with the history states
        self.order = 0  # in the document
        self.depth = 0 if parent is None else parent.depth + 1
        self.ancestors = [] if parent is None else [parent] + parent.ancestors
        kind = node.get("type") or ("COMPOUND" if node.get("states") else "ATOMIC")
        self.is_scxml = False
        self.is_compound = kind == "COMPOUND"
        self.is_parallel = kind == "PARALLEL"
        self.is_final = kind == "FINAL"
        self.is_history = kind == "HISTORY"
        self.is_atomic = kind in ("ATOMIC", "FINAL")
        self.is_deep = node.get("history") == "DEEP"
        self.initial = []  # the targets of <initial>'s transition, or of a history state's
        self.transitions = []
        self.onentry = node.get("entry", [])
        self.onexit = node.get("exit", [])

    @property
    def history(self):
        return [child for child in self.children if child.is_history]

    @property
    def child_states(self):
        """getChildStates: the <state>, <parallel> and <final> children."""
        return [child for child in self.children if not child.is_history]


class Transition:
    def __init__(self, edge, source, default_id, eventless):
        self.id = edge.get("id") or default_id
        self.source = source
        self.order = 0  # in the document
        self.eventless = eventless
        self.descriptors = [] if eventless else edge["event"].split()
        self.target = edge.get("target", [])  # ids, then states
        self.internal = edge.get("internal", False)
        self.actions = edge.get("actions", [])
        self.guard = []
        for part in filter(None, edge.get("guard", "").split(" && ")):
            negated, name = NAME_IN_GUARD.fullmatch(part).groups()
            self.guard.append((name, negated == ""))


class Document:
    """A machine as the standard sees it."""

    def __init__(self, machine):
        self.states = {}
        self.in_order = []
        root = machine["root"]
        self.parallel_root = None
        if root.get("type") == "PARALLEL":
            scxml = State({"id": "", "type": "COMPOUND"}, None)
            self._add(scxml)
            self.parallel_root = self._read(root, scxml)
            scxml.initial = [self.parallel_root.id]
        else:
            scxml = self._read(root, None)
        scxml.is_scxml = True
        scxml.is_compound = True
        self.scxml = scxml
        for state in self.in_order:
            state.initial = [self.states[name] for name in state.initial]
            for transition in state.transitions:
                transition.target = [self.states[name] for name in transition.target]

    def _add(self, state):
        state.order = len(self.in_order)
        self.in_order.append(state)
        self.states[state.id] = state

    def _read(self, node, parent):
        state = State(node, parent)
        self._add(state)
        if parent is not None:
            parent.children.append(state)
        for kind in ("on", "always"):
            for position, edge in enumerate(node.get(kind, [])):
                name = f"{state.id}/{kind}/{position}"
                state.transitions.append(Transition(edge, state, name, kind == "always"))
        for position, transition in enumerate(state.transitions):
            transition.order = (state.order, position)
        for child in node.get("states", []):
            self._read(child, state)
        state.initial = node.get("initial", [])
        return state


def is_descendant(state1, state2):
    return state2 in state1.ancestors


def get_proper_ancestors(state1, state2):
    """state1's ancestors from the innermost, up to but not including state2."""
    if state2 is None:
        return state1.ancestors
    if state2 is state1 or is_descendant(state2, state1):
        return []
    return list(itertools.takewhile(lambda each: each is not state2, state1.ancestors))


def document_order(states):
    return sorted(states, key=operator.attrgetter("order"))


@functools.lru_cache(maxsize=None)
def name_match(descriptor, event):
    """SCXML 3.12.1: a prefix in whole tokens, with "." or ".*" behind it or not; "*" is any."""
    wanted = descriptor.removesuffix("*").removesuffix(".")
    return not wanted or event == wanted or event.startswith(wanted + ".")


class Interpreter:
    """One session of a document. `start` and `process` run one macrostep each."""

    def __init__(self, document):
        self.document = document
        self.configuration = set()
        self.history_value = {}
        self.internal_queue = collections.deque()
        self.running = False
        self.microsteps = 0
        # Of the macrostep that ran last:
        self.taken = []
        self.emitted = []

    def start(self):
        self.begin_macrostep()
        self.running = True
        self.enter_initial_states()
        self.run_to_stability()

    def process(self, event):
        """The part of mainEventLoop that begins with an external event."""
        self.begin_macrostep()
        if not self.running:
            return
        enabled_transitions = self.select_transitions(event)
        if enabled_transitions:
            self.microstep(enabled_transitions)
            self.run_to_stability()

    def active(self):
        """The ids of the active states and their ancestors, in document order."""
        return [state.id for state in document_order(self.configuration) if state.id]

    def begin_macrostep(self):
        self.taken = []
        self.emitted = []
        self.microsteps = 0

    # ------------------------------------------------------------------ the main loop

    def enter_initial_states(self):
        """enterStates([doc.initial.transition])"""
        scxml = self.document.scxml
        states_to_enter = set()
        self.add_descendant_states_to_enter(scxml, states_to_enter)
        self.enter(states_to_enter)

    def run_to_stability(self):
        """The inner loop of mainEventLoop."""
        while self.running:
            enabled_transitions = self.select_eventless_transitions()
            if not enabled_transitions:
                if not self.internal_queue:
                    break
                enabled_transitions = self.select_transitions(self.internal_queue.popleft())
            if enabled_transitions:
                self.microstep(enabled_transitions)
        if self.has_ended():
            self.exit_interpreter()

    def has_ended(self):
        return not self.running

    def exit_interpreter(self):
        for s in self.exit_order(self.configuration):
            self.execute_content(s.onexit)

    def select_eventless_transitions(self):
        return self.select(lambda t: t.eventless and self.condition_match(t))

    def select_transitions(self, event):
        return self.select(
            lambda t: not t.eventless and self.name_match(t, event) and self.condition_match(t)
        )

    def select(self, matches):
        enabled_transitions = []
        for state in document_order(s for s in self.configuration if s.is_atomic):
            asked = [state] + get_proper_ancestors(state, None)
            t = next((t for s in asked for t in s.transitions if matches(t)), None)
            if t is not None and t not in enabled_transitions:
                enabled_transitions.append(t)
        return self.remove_conflicting_transitions(enabled_transitions)

    def name_match(self, transition, event):
        return any(name_match(descriptor, event) for descriptor in transition.descriptors)

    def condition_match(self, transition):
        return all(self.is_in(name) == wanted for name, wanted in transition.guard)

    def is_in(self, name):
        return self.document.states[name] in self.configuration

    def remove_conflicting_transitions(self, enabled_transitions):
        filtered_transitions = []
        for t1 in enabled_transitions:
            t1_preempted = False
            transitions_to_remove = []
            for t2 in filtered_transitions:
                if self.compute_exit_set([t1]) & self.compute_exit_set([t2]):
                    if is_descendant(t1.source, t2.source):
                        transitions_to_remove.append(t2)
                    else:
                        t1_preempted = True
                        break
            if not t1_preempted:
                for t3 in transitions_to_remove:
                    filtered_transitions.remove(t3)
                filtered_transitions.append(t1)
        return filtered_transitions

    # ------------------------------------------------------------------ the microstep

    def microstep(self, enabled_transitions):
        self.microsteps += 1
        if self.microsteps > MICROSTEPS_MAX:
            raise EndlessError
        self.taken += [t.id for t in enabled_transitions]
        self.exit_states(enabled_transitions)
        self.execute_transition_content(enabled_transitions)
        self.enter_states(enabled_transitions)

    def exit_states(self, enabled_transitions):
        states_to_exit = self.exit_order(self.compute_exit_set(enabled_transitions))
        for s in states_to_exit:
            for h in s.history:
                self.history_value[h] = self.states_to_remember(h, s)
        for s in states_to_exit:
            self.execute_content(s.onexit)
            self.configuration.discard(s)

    def exit_order(self, states):
        """Reverse document order."""
        return sorted(states, key=lambda s: s.order, reverse=True)

    def states_to_remember(self, history, parent):
        if history.is_deep:
            return document_order(
                s0 for s0 in self.configuration if s0.is_atomic and is_descendant(s0, parent)
            )
        return document_order(s0 for s0 in self.configuration if s0.parent is parent)

    def compute_exit_set(self, transitions):
        states_to_exit = set()
        for t in transitions:
            if t.target:
                domain = self.get_transition_domain(t)
                states_to_exit |= {s for s in self.configuration if is_descendant(s, domain)}
        return states_to_exit

    def execute_transition_content(self, enabled_transitions):
        for t in enabled_transitions:
            self.execute_content(t.actions)

    def enter_states(self, enabled_transitions):
        states_to_enter = set()
        self.compute_entry_set(enabled_transitions, states_to_enter)
        self.enter(states_to_enter)

    def enter(self, states_to_enter):
        for s in self.entry_order(states_to_enter):
            self.configuration.add(s)
            self.execute_content(s.onentry)
            if s.is_final:
                self.enter_final(s)

    def entry_order(self, states):
        """Document order."""
        return document_order(states)

    def enter_final(self, s):
        parent = s.parent
        if parent.is_scxml:
            self.end(parent)
            return
        grandparent = parent.parent
        self.internal_queue.append("done.state." + parent.id)
        if grandparent.is_parallel and self.is_done_parallel(grandparent):
            if grandparent is self.document.parallel_root:
                self.end(grandparent)
            else:
                self.internal_queue.append("done.state." + grandparent.id)

    def end(self, _root):
        self.running = False

    def compute_entry_set(self, transitions, states_to_enter):
        for t in transitions:
            for s in t.target:
                self.add_descendant_states_to_enter(s, states_to_enter)
            ancestor = self.get_transition_domain(t)
            for s in self.get_effective_target_states(t.target):
                self.add_ancestor_states_to_enter(s, ancestor, states_to_enter)

    def add_descendant_states_to_enter(self, state, states_to_enter):
        if state.is_history:
            states = self.history_value.get(state, state.initial)
            for s in states:
                self.add_descendant_states_to_enter(s, states_to_enter)
            for s in states:
                self.add_ancestor_states_to_enter(s, state.parent, states_to_enter)
            return
        states_to_enter.add(state)
        if state.is_compound:
            for s in state.initial:
                self.add_descendant_states_to_enter(s, states_to_enter)
            for s in state.initial:
                self.add_ancestor_states_to_enter(s, state, states_to_enter)
        elif state.is_parallel:
            self.add_children_to_enter(state, states_to_enter)

    def add_ancestor_states_to_enter(self, state, ancestor, states_to_enter):
        for anc in get_proper_ancestors(state, ancestor):
            states_to_enter.add(anc)
            if anc.is_parallel:
                self.add_children_to_enter(anc, states_to_enter)

    def add_children_to_enter(self, parallel, states_to_enter):
        for child in parallel.child_states:
            if not any(is_descendant(s, child) for s in states_to_enter):
                self.add_descendant_states_to_enter(child, states_to_enter)

    def is_in_final_state(self, s):
        if s.is_compound:
            return any(each.is_final and each in self.configuration for each in s.child_states)
        if s.is_parallel:
            return self.is_done_parallel(s)
        return False

    def is_done_parallel(self, parallel):
        return all(map(self.is_in_final_state, parallel.child_states))

    def get_transition_domain(self, t):
        tstates = self.get_effective_target_states(t.target)
        if t.internal and t.source.is_compound:
            if all(is_descendant(s, t.source) for s in tstates):
                return t.source
        return self.find_lcca([t.source] + tstates)

    def find_lcca(self, states):
        for anc in get_proper_ancestors(states[0], None):
            if anc.is_compound and all(is_descendant(s, anc) for s in states[1:]):
                return anc
        return self.document.scxml

    def get_effective_target_states(self, target):
        targets = []
        for s in target:
            if not s.is_history:
                states = [s]
            elif s in self.history_value:
                states = self.history_value[s]
            else:
                states = self.get_effective_target_states(s.initial)
            targets += [each for each in states if each not in targets]
        return targets

    def execute_content(self, actions):
        for action in actions:
            if "raise" in action:
                self.internal_queue.append(action["raise"]["event"])
            else:
                self.emitted.append(action["emit"]["name"])
