"""The machine of the crash workloads, and what it does, written down a second time in Python.

A ledger counts what it is sent and remembers who sent it last, so that no two states of it are
alike, and each refusal can be tied to the states that justify it. `apply` is the sequential
specification that histories are checked against; it shares nothing with the server's reducer.

Transitions, instances and answers are plain tuples here: what clients record by the million.
"""

import re
from typing import NamedTuple

import swoosh_api
from swoosh.v1 import instance_pb2

NAME = "ledger"
GUARD = "no_multiple_of_three"
GUARDED_EVENT = "pass"  # by an external guard (ledger_guard.py)
LEDGER = {
    "name": NAME,
    "context": {"count": 0, "last": ""},
    "root": {
        "id": NAME,
        "initial": ["open"],
        "states": [
            {
                "id": "open",
                "on": [
                    {"id": event, "event": event, "actions": actions, **more}
                    for actions in [
                        [
                            {"assign": {"location": "context.count", "value": "context.count + 1"}},
                            {"assign": {"location": "context.last", "value": "event.data.by"}},
                        ]
                    ]
                    for event, more in (
                        ("add", {}),
                        ("take", {"guard": "context.count >= event.data.atleast"}),
                        (GUARDED_EVENT, {"external_guard": GUARD}),
                        ("close", {"target": ["closed"]}),
                    )
                ],
            },
            {
                "id": "closed",
                "on": [
                    {"id": "reopen", "event": "reopen", "target": ["open"]},
                    {"id": "stop", "event": "stop", "target": ["stopped"]},
                ],
            },
            {"id": "stopped", "type": "FINAL"},
        ],
    },
}
# What a guard that was false says of the state that it looked at.
GUARD_REASON = re.compile(r"context\.count \((\d+)\)")
FOUND_VERSION = re.compile(r"has version (\d+)$")


class Instance(NamedTuple):
    version: int
    created: int  # index of the record that created it
    state: str  # open, closed or stopped
    count: int
    last: str


class Refused(NamedTuple):
    """Why a proposal was not carried out; `detail` is what the answer tells of the state."""

    reason: str
    detail: int | None = None


class Accepted(NamedTuple):
    changes: tuple  # (id, the instance or None, version before or 0, context changed), as touched
    results: tuple  # the instance that each transition left, or None
    guards: tuple  # of each that an external guard allowed: (its position, version it was shown)


# Transitions. `expected` is None where the version is not checked.


def register():
    return ("register",)


def create(instance_id, allow_existing=False, expected=None):
    return ("create", instance_id, allow_existing, expected)


def send(instance_id, event, by, atleast=None, expected=None):
    return ("send", instance_id, event, by, atleast, expected)


def delete(instance_id, allow_missing=False, expected=None):
    return ("delete", instance_id, allow_missing, expected)


class _Draft:
    __slots__ = ("before", "changed", "context", "created", "now")

    def __init__(self, before):
        self.before = before
        self.now = before
        self.changed = False
        self.created = False
        self.context = False


def guard_allows(count):
    """What the external guard says to an instance with this count."""
    return count % 3 != 0


def touched(transitions):
    """The ids of the instances that the transitions are about."""
    return {each[1] for each in transitions if each[0] != "register"}


def apply(find, transitions, index):
    """What record `index` would be, in the state where `find(id)` is the instance or None.

    Returns Accepted, or Refused by the first transition that fails.
    """
    drafts = {}
    results = []
    guards = []
    for position, each in enumerate(transitions):
        if each[0] == "register":
            results.append(None)
            continue
        instance_id = each[1]
        draft = drafts.get(instance_id)
        if draft is None:
            draft = drafts[instance_id] = _Draft(find(instance_id))
        expected = each[-1]
        version = draft.before.version if draft.before is not None else 0
        if expected is not None and expected != version:
            return Refused("VERSION_MISMATCH", version)
        refused = _STEPS[each[0]](draft, each, index)
        if refused is not None:
            return refused
        if each[2] == GUARDED_EVENT:
            guards.append((position, 0 if draft.created else version))
        results.append(draft.now)
    changes = []
    for instance_id, draft in drafts.items():
        if draft.changed and (draft.before is not None or draft.now is not None):
            before = draft.before
            context_changed = draft.now is not None and (
                before is None or draft.created or before[3:] != draft.now[3:]
            )
            changes.append(
                (instance_id, draft.now, before.version if before else 0, context_changed)
            )
    return Accepted(tuple(changes), tuple(results), tuple(guards))


def _create(draft, each, index):
    if draft.now is None:
        draft.now = Instance(index, index, "open", 0, "")
        draft.changed = draft.created = True
        return None
    return None if each[2] else Refused("INSTANCE_EXISTS")


def _delete(draft, each, _index):
    if draft.now is None:
        return None if each[2] else Refused("INSTANCE_NOT_FOUND")
    draft.now = None
    draft.changed = True
    draft.created = False
    return None


def _send(draft, each, index):
    now = draft.now
    if now is None:
        return Refused("INSTANCE_NOT_FOUND")
    _, _, event, by, atleast, _ = each
    if now.state == "stopped":
        return Refused("INSTANCE_NOT_RUNNING")
    if now.state == "open" and event in ("add", "take", "close", GUARDED_EVENT):
        if event == "take" and now.count < atleast:
            return Refused("GUARD_FALSE", now.count)
        if event == GUARDED_EVENT and not guard_allows(now.count):
            return Refused("GUARD_FALSE", now.count)
        state = "closed" if event == "close" else "open"
        draft.now = Instance(index, now.created, state, now.count + 1, by)
    elif now.state == "closed" and event in ("reopen", "stop"):
        state = "open" if event == "reopen" else "stopped"
        draft.now = Instance(index, now.created, state, now.count, now.last)
    else:
        return Refused("EVENT_NOT_ENABLED")
    draft.changed = True
    return None


_STEPS = {"create": _create, "delete": _delete, "send": _send}

# ---------------------------------------------------------------- to and from messages


def transition_message(each):
    kind = each[0]
    if kind == "register":
        return swoosh_api.register(LEDGER)
    more = {} if each[-1] is None else {"expected_version": each[-1]}
    if kind == "create":
        return swoosh_api.create(each[1], NAME, allow_existing=each[2], **more)
    if kind == "delete":
        return swoosh_api.delete(each[1], allow_missing=each[2], **more)
    _, instance_id, event, by, atleast, _ = each
    data = {"by": by} if atleast is None else {"by": by, "atleast": atleast}
    return swoosh_api.send(instance_id, event, data, **more)


def transition_of(message):
    """The tuple of a Transition; as transition_message made it, or ValueError."""
    expected = message.expected_version if message.HasField("expected_version") else None
    kind = message.WhichOneof("kind")
    if kind == "send_event":
        body = message.send_event
        data = body.data.fields
        atleast = int(data["atleast"].number_value) if "atleast" in data else None
        return send(body.instance_id, body.event, data["by"].string_value, atleast, expected)
    if kind == "create_instance":
        body = message.create_instance
        return create(body.instance_id, body.allow_existing, expected)
    if kind == "delete_instance":
        body = message.delete_instance
        return delete(body.instance_id, body.allow_missing, expected)
    if kind == "register_machine":
        return register()
    raise ValueError(f"not of this workload: {message}")


def instance_of(message):
    """The Instance of a swoosh.v1.Instance with its context."""
    context = message.context.fields
    return Instance(
        message.version,
        message.created_index,
        message.configuration[-1],
        int(context["count"].number_value),
        context["last"].string_value,
    )


def instance_message(instance_id, instance):
    """The swoosh.v1.Instance with VIEW_CONTEXT, but for its times."""
    message = instance_pb2.Instance(
        id=instance_id,
        machine=NAME,
        machine_version=1,
        configuration=[NAME, instance.state],
        version=instance.version,
        created_index=instance.created,
        status=instance_pb2.Instance.DONE
        if instance.state == "stopped"
        else instance_pb2.Instance.RUNNING,
    )
    message.context.update({"count": instance.count, "last": instance.last})
    return message


def change_of(message):
    """(id, state or None where deleted, (count, last) or None, version before) of a Change."""
    context = None
    if message.HasField("context"):
        fields = message.context.fields
        context = (int(fields["count"].number_value), fields["last"].string_value)
    state = None if message.deleted else message.configuration[-1]
    return (message.instance_id, state, context, message.previous_version)


def guard_of(message):
    """(position, edge, guard, allowed, version it was shown) of a GuardOutcome."""
    return (
        message.transition,
        message.edge,
        message.guard,
        message.allowed,
        message.observed_version,
    )


def expected_guard(guard):
    """As guard_of, of what `apply` says."""
    position, version = guard
    return (position, GUARDED_EVENT, GUARD, True, version)


def expected_change(change):
    """As change_of, of what `apply` says."""
    instance_id, now, previous_version, context_changed = change
    context = (now.count, now.last) if context_changed else None
    return (instance_id, None if now is None else now.state, context, previous_version)


def refused_of(refusal):
    """Refused, of a swoosh_api.Refusal."""
    detail = None
    if refusal.reason == "GUARD_FALSE" and refusal.denial is not None:
        found = GUARD_REASON.search(refusal.denial.edges[0].reason)
        detail = int(found[1]) if found else None
    elif refusal.reason == "VERSION_MISMATCH":
        found = FOUND_VERSION.search(refusal.message)
        detail = int(found[1]) if found else 0
    return Refused(refusal.reason, detail)
