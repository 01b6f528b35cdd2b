"""What npm scion-core 2.6.0 does otherwise than W3C SCXML, Appendix D: each thing by a name.

`Interpreter(document, DEVIATIONS)` is the algorithm of appendix_d.py with all of them. Where it
does what scion-core does, a difference between scion-core and the standard is explained: these are
all that there are. Read from lib/Statechart.js there, and from lib/ of its scion-core-base 1.0.0.
"""

import appendix_d

# name -> what the standard says instead.
DEVIATIONS = {
    "parallel_domain": (
        "A parallel state may be a transition's domain. findLCCA asks only compound states and "
        "<scxml> (isCompoundStateOrScxmlElement)."
    ),
    "first_target_domain": (
        "The domain is an ancestor of the source and of the first target. findLCCA: of all targets."
    ),
    "history_as_target": (
        "The domain is that of the history state. getTransitionDomain: of the states that it "
        "stands for (getEffectiveTargetStates)."
    ),
    "deep_history_without_finals": (
        "Deep history does not remember final states. exitStates: all atomic states, and a <final> "
        "is one (isAtomicState)."
    ),
    "history_is_a_region": (
        "A parallel state with a history state in it is never done. getChildStates: <state>, "
        "<parallel> and <final>, no <history>."
    ),
    "done_after_entry": (
        "done.state events are raised once all states of the microstep are entered, so that of a "
        "parallel state comes more than once. enterStates: as each final state is entered."
    ),
    "order_by_depth": (
        "States are entered by rising depth and exited by falling depth. Entry order is document "
        "order, exit order its reverse."
    ),
    "transitions_in_document_order": (
        "The content of transitions is executed in the document order of these. enabledTransitions "
        "is in the order of the atomic states that selected them (selectTransitions)."
    ),
    "no_end": (
        "A final child of the root raises done.state.ROOT, and the machine goes on; but whenever a "
        "macrostep leaves only final states active, exit content is executed as at the end. "
        "enterStates: running = false."
    ),
    "atomic_configuration": (
        "The configuration is the atomic states, and whatever lies above them. enterStates: each "
        "state that is entered. It shows where other deviations enter a compound state without a "
        "child."
    ),
}


class Interpreter(appendix_d.Interpreter):
    """Appendix D with some of DEVIATIONS."""

    def __init__(self, document, deviations):
        super().__init__(document)
        self.deviations = frozenset(deviations)

    def process(self, event):
        if "no_end" not in self.deviations:
            super().process(event)
            return
        self.begin_macrostep()
        # Behind what the exit content has raised.
        self.internal_queue.append(event)
        self.run_to_stability()

    def has_ended(self):
        if "no_end" not in self.deviations:
            return super().has_ended()
        return all(s.is_final for s in self.configuration if s.is_atomic)

    def get_transition_domain(self, t):
        targets = t.target
        if "history_as_target" not in self.deviations:
            targets = self.get_effective_target_states(targets)
        if t.internal and t.source.is_compound:
            if all(appendix_d.is_descendant(s, t.source) for s in targets):
                return t.source
        if "first_target_domain" in self.deviations:
            targets = targets[:1]
        return self.find_lcca([t.source] + targets)

    def find_lcca(self, states):
        if "parallel_domain" not in self.deviations:
            return super().find_lcca(states)
        for anc in states[0].ancestors:
            if not anc.is_atomic and all(appendix_d.is_descendant(s, anc) for s in states[1:]):
                return anc
        return self.document.scxml

    def add_ancestor_states_to_enter(self, state, ancestor, states_to_enter):
        super().add_ancestor_states_to_enter(state, ancestor, states_to_enter)
        # Only where a parallel state is a domain are there regions of the ancestor left to enter.
        if "parallel_domain" in self.deviations and ancestor.is_parallel:
            self.add_children_to_enter(ancestor, states_to_enter)

    def states_to_remember(self, history, parent):
        states = super().states_to_remember(history, parent)
        if history.is_deep and "deep_history_without_finals" in self.deviations:
            return [s for s in states if not s.is_final]
        return states

    def is_done_parallel(self, parallel):
        if "history_is_a_region" in self.deviations and parallel.history:
            return False
        return super().is_done_parallel(parallel)

    def exit_order(self, states):
        if "order_by_depth" in self.deviations:
            return sorted(states, key=lambda s: (s.depth, s.order), reverse=True)
        return super().exit_order(states)

    def entry_order(self, states):
        if "order_by_depth" in self.deviations:
            return sorted(states, key=lambda s: (s.depth, s.order))
        return super().entry_order(states)

    def execute_transition_content(self, enabled_transitions):
        if "transitions_in_document_order" in self.deviations:
            enabled_transitions = sorted(enabled_transitions, key=lambda t: t.order)
        super().execute_transition_content(enabled_transitions)

    def exit_states(self, enabled_transitions):
        super().exit_states(enabled_transitions)
        self.keep_atomic_states()

    def enter(self, states_to_enter):
        finals = []
        for s in self.entry_order(states_to_enter):
            self.configuration.add(s)
            self.execute_content(s.onentry)
            if s.is_final and "done_after_entry" not in self.deviations:
                self.enter_final(s)
            elif s.is_final:
                finals.append(s)
        self.keep_atomic_states()
        for s in finals:
            self.enter_final(s)

    def end(self, root):
        if "no_end" in self.deviations:
            self.internal_queue.append("done.state." + root.id)
        else:
            super().end(root)

    def keep_atomic_states(self):
        if "atomic_configuration" in self.deviations:
            atomic = [s for s in self.configuration if s.is_atomic]
            self.configuration = set(atomic).union(*(s.ancestors for s in atomic))
