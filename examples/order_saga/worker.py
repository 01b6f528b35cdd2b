#!/usr/bin/python3
"""The shop behind the order saga: reserves stock, charges cards, ships, and undoes it again.

    examples/order_saga/worker.py

It is played: what the shop has, and what goes wrong, stands in the tables below.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import worker_loop  # noqa: E402

SOLD_OUT = ("lamp",)
WAREHOUSE_SILENT_FOR = ("piano",)  # nobody answers when it is asked for
CARRIER_SILENT_FOR = ("anvil",)  # nobody picks it up
CARD_LIMIT = 1000
# By the order's total, as test cards do it: the attempt from which on the bank answers.
BANK_ANSWERS_FROM_ATTEMPT = {402: 2, 403: 3, 404: 4}


def reserve_stock(server, told):
    sku = told.data["sku"]
    if sku in WAREHOUSE_SILENT_FOR:
        return []
    if sku in SOLD_OUT:
        return [("stock.rejected", {})]
    # The same order gets the same reservation however often it is asked for.
    return [("stock.reserved", {"id": f"{told.instance}-{sku}"})]


def charge_card(server, told):
    amount, attempt = told.data["amount"], told.data["attempt"]
    if attempt < BANK_ANSWERS_FROM_ATTEMPT.get(amount, 1):
        return []
    if amount > CARD_LIMIT:
        return [("card.declined", {})]
    return [("card.charged", {"attempt": attempt})]


def ship(server, told):
    # `ship` brings no data: what is to be shipped is in the order, as it was then.
    if server.context(told)["sku"] in CARRIER_SILENT_FOR:
        return []
    return [("shipped", {})]


def release_stock(server, told):
    return [("stock.released", {})]


def refund(server, told):
    return [("refunded", {})]


ACTIONS = {
    "reserve_stock": reserve_stock,
    "charge_card": charge_card,
    "ship": ship,
    "release_stock": release_stock,
    "refund": refund,
}


def act(server, told):
    if told.name not in ACTIONS:
        return []
    print(f"{told.index} {told.instance}: {told.name} {told.data}", flush=True)
    return ACTIONS[told.name](server, told)


if __name__ == "__main__":
    worker_loop.run("order", "Does what orders ask for.", act)
