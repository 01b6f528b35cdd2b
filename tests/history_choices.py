"""What clients whose histories are checked do next (history_client.py)."""

import random
from typing import NamedTuple

import ledger

OWN_INSTANCES = 3
SHARED_INSTANCES = 6
PAST_RECORDS_MAX = 200


class Asked(NamedTuple):
    request_id: str
    transitions: tuple
    validate_only: bool = False


class Choices:
    """What a client does next."""

    def __init__(self, name, seed):
        self.random = random.Random(f"{seed}/{name}")
        self.own = [f"own-{name}-{number}" for number in range(OWN_INSTANCES)]
        self.shared = [f"shared-{number}" for number in range(SHARED_INSTANCES)]
        self._name = name
        self._count = 0
        self._known = {}  # instance id -> what was seen of it last, or None

    def learn(self, instance_id, instance):
        self._known[instance_id] = instance

    def request_id(self):
        self._count += 1
        return f"{self._name}/{self._count}"

    def instance_id(self):
        return self.random.choice(self.own if self.random.random() < 0.6 else self.shared)

    def transitions(self, request_id):
        dice = self.random
        chosen = dice.choice((1, 1, 1, 1, 2, 5))
        return tuple(self._transition(request_id) for _ in range(chosen))

    def _transition(self, by):
        dice = self.random
        instance_id = self.instance_id()
        known = self._known.get(instance_id)
        expected = None
        if dice.random() < 0.1:
            expected = known.version if known is not None else 0
        sort = dice.random()
        if known is None and sort < 0.7 or sort < 0.04:
            return ledger.create(instance_id, dice.random() < 0.8, expected)
        if sort < 0.06:
            return ledger.delete(instance_id, dice.random() < 0.5, expected)
        if sort < 0.10:
            return ledger.send(instance_id, "close", by, None, expected)
        if (known is not None and known.state == "closed" and sort < 0.9) or sort < 0.12:
            return ledger.send(instance_id, "reopen", by, None, expected)
        if sort < 0.125:
            return ledger.send(instance_id, "stop", by, None, expected)
        if sort < 0.18:
            return ledger.send(instance_id, ledger.GUARDED_EVENT, by, None, expected)
        if sort < 0.3:
            atleast = max(0, (known.count if known is not None else 0) + dice.randint(-3, 2))
            return ledger.send(instance_id, "take", by, atleast, expected)
        if known is not None and known.state == "stopped" and sort < 0.9:
            return ledger.delete(instance_id, True, None)
        return ledger.send(instance_id, "add", by, None, expected)

    def query(self, newest_index):
        dice = self.random
        sort = dice.random()
        if sort < 0.7:
            return ("instance", self.instance_id())
        if sort < 0.8 and newest_index > 1:
            past = max(2, newest_index - dice.randrange(PAST_RECORDS_MAX))
            return ("instance_at", self.instance_id(), past)
        if sort < 0.93:
            return ("state",)
        return ("list", dice.choice(("own-", "shared-", "")))
