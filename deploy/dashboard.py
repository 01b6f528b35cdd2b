"""Grafana's dashboard, taken apart."""

import json

import swoosh_server

PATH = swoosh_server.ROOT / "deploy/grafana/swoosh.json"
# What Grafana puts in place of its variables, when all is chosen.
VARIABLES = {"$job": "swoosh", "$instance": ".+", "$__rate_interval": "5m"}


def read():
    return json.loads(PATH.read_text())


def panels():
    """All panels, those of collapsed rows too."""
    for panel in read()["panels"]:
        yield panel
        yield from panel.get("panels", ())


def expressions():
    """(title of the panel, expression without variables) of each query."""
    for panel in panels():
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression
