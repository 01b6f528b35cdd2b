"""What an expression of PromQL reads."""

import re

# What is left of an expression without them are metrics and functions.
NOT_SELECTORS = re.compile(r"\b(?:by|without|on|ignoring|group_left)\s*\([^)]*\)|\[[^]]*\]")
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?")
OPERATORS = {"and", "or", "unless", "bool", "offset"}


def selectors(expression):
    """`name` or `name{matchers}` of each vector that an expression reads."""
    found = set()
    for name, rest in SELECTOR.findall(NOT_SELECTORS.sub(" ", expression)):
        if rest != "(" and name not in OPERATORS:
            found.add(name + rest)
    return found
