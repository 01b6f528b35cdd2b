"""Random guard expressions, each written twice: in our language and in CEL.

They are made from the kinds of their parts, so that most of them evaluate; the scopes hold now and
then a value of another kind, or none, so that some do not. What core/expression.md names as a
difference from CEL is written so that both sides mean the same, or is left out; the comments say
which, and `text` is what we read, `cel` what CEL reads.
"""

import collections
import dataclasses
import json
import random

# How tightly a text binds: it needs parentheses where more is asked for.
CONDITIONAL, OR, AND, RELATION, SUM, PRODUCT, UNARY, ACCESS = range(1, 9)

DEPTH_MAX = 5
# Of the values of a scope, those that are of another kind than their name says, or absent.
ODD_SHARE = 0.06

STATES = ("done", "open", "paid.late")

# No string is between U+E000 and U+FFFF, since the reference orders UTF-16 units instead of code
# points ("strings by code points").
STRINGS = (
    ["", "a", "b", "ab", "abc", "yes", "no", "ann", "bob", "a b", "x-1", "A1", "k"]
    + ["héllo", "日本", "😀", "é", "tab\there", "it's", 'say "so"', "back\\slash", "line\nend"]
)
# "strings as JSON writes numbers", "strings of decimal digits": the reference also takes what
# JavaScript's Number() and BigInt() take, as '', ' 1', '0x1F', '+5' and 'Infinity'.
NUMBER_STRINGS = ["0", "7", "-3", "42", "1.5", "-0.25", "1e3", "2.5e-3", "007", "abc", "1.x", "--1"]
# Keys of maps.
KEYS = ["a", "ann", "b", "bob", "k", "no", "yes"]
NUMBERS = [0, 1, 2, 3, 4, 5, 7, 10, 17, 31, 100, 1000, 65536, 123456789, 2**53 - 1]
FRACTIONS = [0.5, 1.5, 2.5, 0.1, 0.25, 3.75, 1e-3, 99.99]
EXTREMES = [1e20, 1e100, 1e308, 1.5e-300]

# In the syntax that RE2 and the reference's port of it share.
PATTERNS = [
    "^a",
    "b$",
    "^$",
    "[a-c]+",
    "^[^0-9]*$",
    "a|b|yes",
    "(an|bo)+",
    "^.$",
    "^.{2,3}$",
    r"\d+",
    r"^\w+$",
    r"\s",
    r"x-\d",
    "é",
    "^日",
    "(?i)^AB",
    "a.c",
    "l{2}",
    "(?:ye|n)[so]",
    r"^-?\d+(\.\d+)?$",
]
# Only where they are no constants: a constant one is refused when the machine is registered.
BAD_PATTERNS = ["[", "(a", "a**", "*"]


@dataclasses.dataclass(frozen=True)
class Text:
    text: str
    cel: str
    binds: int = ACCESS  # the text
    cel_binds: int = ACCESS  # how tightly `cel` binds


@dataclasses.dataclass(frozen=True)
class Case:
    text: str
    cel: str
    scope: dict  # context, event, states: {id: whether it is active}
    features: frozenset  # what of the language it uses


class ScopeGenerator:
    """Contexts and events: the names say what kind of value is meant to be there."""

    def __init__(self, source):
        self._source = source

    def scope(self):
        source = self._source
        context = {
            "big": source.choice(EXTREMES),
            "empty": [],
            "f": source.random() < 0.2,
            "grid": [self._numbers() for _ in range(source.randrange(1, 4))],
            "i": source.randrange(3),
            "key": source.choice(KEYS),
            "mixed": [1, "a", True, None, [2], {"k": 3}][: source.randrange(3, 7)],
            "n": self.number(),
            "neg": -self.number(),
            "number_text": source.choice(NUMBER_STRINGS),
            "nums": self._numbers(),
            "pattern": source.choice(PATTERNS + BAD_PATTERNS),
            "s": source.choice(STRINGS),
            "t": source.random() < 0.8,
            "tags": [source.choice(STRINGS) for _ in range(self._size())],
            "word": source.choice(STRINGS),
            "x": source.choice(FRACTIONS),
            "zero": 0,
        }
        for name in list(context):
            if source.random() < ODD_SHARE:
                self._make_odd(context, name)
        # These hold what has() and `in` ask for: see Generator._has and _in.
        context["counts"] = {key: self.number() for key in self._keys()}
        context["m"] = {"deep": {"er": self.number(), "in": self.number()}, "s p": "v", "v": 1}
        context["none"] = None
        context["users"] = [self._user() for _ in range(self._size())]
        context["votes"] = {key: source.choice(["yes", "no", "maybe"]) for key in self._keys()}
        if source.random() < ODD_SHARE:
            del context[source.choice(["counts", "m", "users", "votes"])]
        return {
            "context": context,
            "event": {
                "actor": source.choice(KEYS),
                "data": self._data(),
                "name": source.choice(["pay", "close", ""]),
                "time": source.choice([0, 1.5, 1700000000.25]),
            },
            "states": {state: source.random() < 0.5 for state in STATES},
        }

    def number(self):
        return self._source.choice(NUMBERS if self._source.random() < 0.7 else FRACTIONS)

    def _numbers(self):
        return [self.number() for _ in range(self._size())]

    def _size(self):
        """A list's: three are enough for most of the indexes that are used."""
        return self._source.choice([0, 1, 2, 3, 3, 3, 4, 5, 6])

    def _keys(self):
        return sorted(self._source.sample(KEYS, self._source.randrange(2, len(KEYS) + 1)))

    def _user(self):
        user = {"age": self.number(), "name": self._source.choice(KEYS)}
        if self._source.random() < 0.7:
            user["tags"] = [self._source.choice(STRINGS) for _ in range(2)]
        return user

    def _data(self):
        if self._source.random() < 0.08:
            return None
        data = {"amount": self.number(), "attempt": self._source.randrange(5), "ok": True}
        if self._source.random() < 0.8:
            data["note"] = self._source.choice(STRINGS)
        return data

    def _make_odd(self, context, name):
        odd = [1, 2.5, "a", "7", True, False, [1, 2], {"a": 1}, None]
        if name == "i":
            # "`a[i]`: list, integer": the reference makes a number of an index of any kind, and
            # throws, past && and ||, when it is a fraction.
            odd = [-1, 7, 1e15]
        elif name in ("empty", "grid", "mixed", "nums", "tags"):
            # "`k in m`: string": see Generator._in.
            odd.remove({"a": 1})
        context[name] = self._source.choice(odd)
        if self._source.random() < 0.3:
            del context[name]


class Generator:
    def __init__(self, seed):
        self._source = random.Random(seed)
        self._scopes = ScopeGenerator(self._source)
        self._variables = []  # (name, kind), those in sight
        self._features = set()

    def case(self):
        self._variables = []
        self._features = set()
        scope = self._scopes.scope()
        # Guards are booleans; the rest compares the values of assigns and outputs.
        kind = "bool" if self._source.random() < 0.7 else self._source.choice(list(self._MAKERS))
        made = self._make(kind, DEPTH_MAX)
        return Case(made.text, made.cel, scope, frozenset(self._features))

    # ------------------------------------------------------------ writing

    def _use(self, feature):
        self._features.add(feature)

    def _chance(self, share):
        return self._source.random() < share

    def _pick(self, *choices):
        return self._source.choice(choices)

    def _bound(self, operand, binds):
        """Its two texts, with parentheses where they are needed, and sometimes where not."""
        extra = self._chance(0.05)
        text = f"({operand.text})" if extra or operand.binds < binds else operand.text
        cel = f"({operand.cel})" if extra or operand.cel_binds < binds else operand.cel
        return text, cel

    def _binary(self, symbol, left, right, binds):
        """Left-associative, as all of them are."""
        self._use(symbol)
        left_text, left_cel = self._bound(left, binds)
        right_text, right_cel = self._bound(right, binds + 1)
        space = self._pick(" ", " ", "  ", "\n")
        gap = space if symbol == "in" or self._chance(0.8) else ""
        return Text(
            f"{left_text}{gap}{symbol}{gap}{right_text}",
            f"{left_cel}{gap}{symbol}{gap}{right_cel}",
            binds,
            binds,
        )

    def _call(self, name, *operands):
        self._use(name)
        return Text(
            f"{name}({', '.join(each.text for each in operands)})",
            f"{name}({', '.join(each.cel for each in operands)})",
        )

    def _method(self, receiver, name, *operands):
        self._use(name)
        text, cel = self._bound(receiver, ACCESS)
        return Text(
            f"{text}.{name}({', '.join(each.text for each in operands)})",
            f"{cel}.{name}({', '.join(each.cel for each in operands)})",
        )

    @staticmethod
    def _finite(made):
        # "a result that is not finite" is an error of ours; in CEL it is a value.
        return dataclasses.replace(made, cel=f"finite({made.cel})", cel_binds=ACCESS)

    @staticmethod
    def _as_double(made):
        # "One number type, a double": what is an int in CEL is made one there.
        return dataclasses.replace(made, cel=f"double({made.cel})", cel_binds=ACCESS)

    # ------------------------------------------------------------ what there is to read

    def _path(self, *names):
        """context.a.b or context['a']['b']."""
        made = "context"
        for name in names:
            plain = name.isidentifier() and name != "in"
            if plain and self._chance(0.85):
                made += f".{name}"
                self._use(".")
            else:
                quote = self._pick("'", '"')
                made += f"[{quote}{name}{quote}]"
                self._use("[]")
        return Text(made, made)

    def _variable(self, kind):
        """A macro's variable of that kind, or None."""
        fitting = [name for name, each in self._variables if each == kind]
        if not fitting or not self._chance(0.6):
            return None
        name = self._source.choice(fitting)
        return Text(name, name)

    def _plain(self, *texts):
        text = self._source.choice(texts)
        return Text(text, text)

    def _index(self, base, at):
        self._use("[]")
        base_text, base_cel = self._bound(base, ACCESS)
        return Text(f"{base_text}[{at.text}]", f"{base_cel}[{at.cel}]")

    def _small_index(self):
        if self._chance(0.3):
            return self._path("i")
        return self._number_literal(self._pick(0, 0, 0, 1, 1, 2))

    def _user(self):
        if variable := self._variable("user"):
            return variable
        return self._index(self._path("users"), self._small_index())

    def _field(self, base, name):
        self._use(".")
        text, cel = self._bound(base, ACCESS)
        return Text(f"{text}.{name}", f"{cel}.{name}")

    # ------------------------------------------------------------ numbers

    def _number_literal(self, number=None):
        if number is None:
            number = self._source.choice(NUMBERS + FRACTIONS)
        # "One number type, a double": CEL's 1 is an int, so it is written as 1.0 there.
        cel = repr(float(number))
        forms = [cel] if "e" in cel else [cel, cel.removesuffix(".0")]
        if number == int(number):
            forms += [str(int(number)), f"0x{int(number):X}"]
        if number == 1000:
            forms.append("1e3")
        if number == 0.5:
            forms.append(".5")
        self._use("number")
        return Text(self._source.choice(forms), cel)

    def _number_leaf(self):
        if variable := self._variable("number"):
            return variable
        roll = self._source.randrange(10)
        if roll < 3:
            return self._number_literal()
        if roll < 7:
            return self._path(self._pick("n", "n", "x", "neg", "zero", "i", "big"))
        if roll == 7:
            return self._plain("event.data.amount", "event.data.attempt", "event.time")
        if roll == 8:
            return self._path("m", "deep", self._pick("er", "er", "in"))
        return self._index(self._path("nums"), self._small_index())

    def _number(self, depth):
        if depth <= 0 or self._chance(0.25):
            return self._number_leaf()
        make = self._pick(
            self._arithmetic,
            self._arithmetic,
            self._rest,
            self._negation,
            self._size,
            self._size,
            self._conversion,
            lambda depth: self._field(self._user(), "age"),
            lambda depth: self._index(self._path("counts"), self._a_key(depth)),
            lambda depth: self._index(self._make("numbers", depth - 1), self._small_index()),
            lambda depth: self._conditional("number", depth),
        )
        return make(depth)

    def _arithmetic(self, depth):
        symbol = self._pick("+", "-", "*", "/")
        binds = SUM if symbol in "+-" else PRODUCT
        left = self._make("number", depth - 1)
        right = self._make("number", depth - 1)
        return self._finite(self._binary(symbol, left, right, binds))

    def _rest(self, depth):
        # "%: integers up to 2^53, the rest, exactly": CEL has it for ints alone. `whole` makes an
        # int of a double, and an error of any other.
        left = self._make("number", depth - 2)
        right = self._make("number", depth - 2)
        made = self._binary("%", left, right, PRODUCT)
        return dataclasses.replace(
            made, cel=f"double(whole({left.cel}) % whole({right.cel}))", cel_binds=ACCESS
        )

    def _negation(self, depth):
        operand = self._make("number", depth - 1)
        gap = self._pick("", " ")
        self._use("unary -")
        return self._prefixed("-", gap, operand)

    def _prefixed(self, symbol, gap, operand):
        text, cel = self._bound(operand, UNARY)
        if cel.lstrip("(").startswith(symbol):
            # "`--x` and `!!x` are computed": the reference drops the pair, parentheses or not.
            cel = f"(0.0 - {cel})" if symbol == "-" else f"({cel} ? false : true)"
            return Text(f"{symbol}{gap}{text}", cel, UNARY, ACCESS)
        return Text(f"{symbol}{gap}{text}", f"{symbol}{gap}{cel}", UNARY, UNARY)

    def _size(self, depth):
        operand = self._make(self._pick("string", "numbers", "strings", "map"), depth - 1)
        if self._chance(0.5):
            return self._as_double(self._call("size", operand))
        return self._as_double(self._method(operand, "size"))

    def _conversion(self, depth):
        name = self._pick("int", "double")
        if self._chance(0.5):
            operand = self._make("number", depth - 1)
        else:
            operand = self._number_string()
        made = self._call(name, operand)
        if name == "double":
            # CEL's double('abc') is an error; the reference gives NaN.
            return self._finite(made)
        # "at most 2^53 in magnitude": CEL's int goes up to 2^63.
        return dataclasses.replace(made, cel=f"exact({made.cel})")

    def _number_string(self):
        if self._chance(0.5):
            return self._path("number_text")
        return self._string_literal(self._source.choice(NUMBER_STRINGS))

    # ------------------------------------------------------------ strings

    def _string_literal(self, text=None):
        if text is None:
            text = self._source.choice(STRINGS)
        quote = self._pick("'", '"')
        self._use("string")
        if "\\" in text and "\n" not in text and quote not in text and self._chance(0.5):
            literal = f"r{quote}{text}{quote}"
        else:
            literal = quote + "".join(self._character(each, quote) for each in text) + quote
        return Text(literal, literal)

    def _character(self, character, quote):
        if character == quote or character == "\\":
            return "\\" + character
        if character in "\n\t":
            return {"\n": "\\n", "\t": "\\t"}[character]
        if self._chance(0.05):
            point = ord(character)
            forms = [f"\\U{point:08x}"]
            if point < 0x10000:
                forms.append(f"\\u{point:04X}")
            if point < 0x80:
                forms += [f"\\x{point:02x}", f"\\{point:03o}"]
            return self._source.choice(forms)
        return character

    def _string_leaf(self):
        if variable := self._variable("string"):
            return variable
        roll = self._source.randrange(10)
        if roll < 3:
            return self._string_literal()
        if roll < 6:
            return self._path(self._pick("s", "word", "key"))
        if roll == 6:
            return self._plain("event.name", "event.actor", "event.data.note")
        if roll == 7:
            return self._index(self._path("tags"), self._small_index())
        if roll == 8:
            return self._path("m", "s p")
        return self._field(self._user(), "name")

    def _string(self, depth):
        if depth <= 0 or self._chance(0.4):
            return self._string_leaf()
        roll = self._source.randrange(6)
        if roll < 2:
            left = self._make("string", depth - 1)
            return self._finite(self._binary("+", left, self._make("string", depth - 1), SUM))
        if roll == 2:
            return self._call("string", self._convertible(depth))
        if roll == 3:
            return self._index(self._path("votes"), self._a_key(depth))
        if roll == 4:
            return self._index(self._make("strings", depth - 1), self._small_index())
        return self._conditional("string", depth)

    def _convertible(self, depth):
        """What string() takes."""
        roll = self._source.randrange(4)
        if roll == 0:
            return self._make("string", depth - 1)
        if roll == 1:
            return self._make("bool", depth - 2)
        if roll == 2:
            # "as JSON writes it": that allows 1e+20 and 0.0001 in more than one form, so only
            # numbers which everyone writes in the same way are converted.
            return self._number_literal(self._pick(0, 7, 42, 1000, 2**53 - 1, 0.5, 99.99, 1.5))
        return self._path(self._pick("n", "i", "zero"))

    # ------------------------------------------------------------ conditions

    def _bool_leaf(self):
        if variable := self._variable("bool"):
            return variable
        roll = self._source.randrange(6)
        if roll == 0:
            return self._plain("true", "false")
        if roll < 4:
            return self._path(self._pick("t", "f"))
        if roll == 4:
            self._use("In")
            return self._plain(*(f"In('{state}')" for state in STATES))
        return self._has(0)

    def _bool(self, depth):
        if depth <= 0 or self._chance(0.08):
            return self._bool_leaf()
        make = self._pick(
            self._chain,
            self._chain,
            self._chain,
            self._order,
            self._order,
            self._order,
            self._equality,
            self._equality,
            self._not,
            self._in,
            self._in,
            self._search,
            self._search,
            self._matches,
            self._has,
            self._quantifier,
            self._quantifier,
            self._quantifier,
            lambda depth: self._conditional("bool", depth),
        )
        return make(depth)

    def _chain(self, depth):
        symbol, binds = self._pick(("&&", AND), ("||", OR))
        made = self._condition(depth - 1)
        for _ in range(self._source.randrange(1, 3)):
            made = self._binary(symbol, made, self._condition(depth - 1), binds)
        return made

    def _condition(self, depth):
        # A value of any kind: && and || absorb what is no boolean.
        if self._chance(0.05):
            return self._path(self._pick("n", "s", "nums", "missing"))
        return self._make("bool", depth)

    def _order(self, depth):
        kind = self._pick("number", "number", "number", "string", "string", "bool")
        symbol = self._pick("<", "<=", ">", ">=")
        left = self._make(kind, depth - 1)
        return self._binary(symbol, left, self._make(kind, depth - 1), RELATION)

    def _equality(self, depth):
        kind = self._source.choice(list(self._MAKERS))
        # "values of different kinds are unequal", never an error.
        other = kind if self._chance(0.85) else self._source.choice(list(self._MAKERS))
        symbol = self._pick("==", "!=")
        left = self._make(kind, depth - 1)
        right = self._anything() if self._chance(0.1) else self._make(other, depth - 1)
        return self._binary(symbol, left, right, RELATION)

    def _anything(self):
        if self._chance(0.4):
            return self._plain("null", "event.data", "event.data.missing")
        if self._chance(0.4):
            return self._index(self._path("mixed"), self._small_index())
        return self._path(self._pick("none", "n", "s", "m", "counts", "users"))

    def _not(self, depth):
        self._use("!")
        return self._prefixed("!", "", self._make("bool", depth - 1))

    def _in(self, depth):
        # "`k in m`: string, map": with any other key CEL says false, and we an error. A key whose
        # member is null is never asked for: the reference takes it for absent.
        if self._chance(0.4):
            members = self._path(self._pick("counts", "votes"))
            if self._chance(0.2):
                members = self._make("map", depth - 1)
            return self._binary("in", self._key(), members, RELATION)
        if self._chance(0.1):
            return self._binary("in", self._anything(), self._path("mixed"), RELATION)
        kind = self._pick("number", "string")
        item = self._make(kind, depth - 1)
        return self._binary("in", item, self._make(kind + "s", depth - 1), RELATION)

    def _a_key(self, depth):
        return self._key() if self._chance(0.8) else self._make("string", depth - 2)

    def _key(self):
        if self._chance(0.5):
            return self._plain("event.actor", "event.name")
        return self._string_literal(self._source.choice(KEYS))

    def _search(self, depth):
        name = self._pick("startsWith", "endsWith", "contains")
        text = self._make("string", depth - 1)
        return self._method(text, name, self._make("string", depth - 1))

    def _matches(self, depth):
        text = self._make("string", depth - 1)
        if self._chance(0.2):
            pattern = self._path("pattern")
        else:
            pattern = self._string_literal(self._source.choice(PATTERNS))
        if self._chance(0.3):
            # The reference has the method only.
            method = self._method(text, "matches", pattern)
            return Text(f"matches({text.text}, {pattern.text})", method.cel)
        return self._method(text, "matches", pattern)

    def _has(self, _):
        # has() of what is no map is false in the reference and an error of ours: "on: map". So the
        # names before the last are those whose kind does not vary.
        self._use("has")
        roll = self._source.randrange(4)
        if roll == 0:
            # "has(event.data): whether it is not null".
            return Text("has(event.data)", "(event.data != null)")
        if roll == 1:
            return self._plain("has(context.m.deep)", "has(context.m.deep.er)", "has(context.m.no)")
        if roll == 2:
            return self._plain("has(context.counts.ann)", "has(context.no)", "has(context.no.x)")
        user = self._user()
        name = self._pick("tags", "name", "email")
        return Text(f"has({user.text}.{name})", f"has({user.cel}.{name})")

    def _quantifier(self, depth):
        return self._macro(self._pick("all", "exists", "exists_one"), "bool", depth)

    def _conditional(self, kind, depth):
        self._use("?:")
        condition = self._bound(self._make("bool", depth - 2), OR)
        then = self._bound(self._make(kind, depth - 1), OR)
        otherwise = self._bound(self._make(kind, depth - 1), CONDITIONAL)
        text, cel = (f"{condition[i]} ? {then[i]} : {otherwise[i]}" for i in range(2))
        return Text(text, cel, CONDITIONAL, CONDITIONAL)

    # ------------------------------------------------------------ lists, maps, macros

    def _range(self, depth):
        """What a macro runs over, and the kind of its items."""
        roll = self._source.randrange(10)
        if roll < 3:
            return self._make("numbers", depth - 1), "number"
        if roll < 6:
            return self._make("strings", depth - 1), "string"
        if roll < 8:
            return self._path("users"), "user"
        if roll == 8:
            return self._path("grid"), "numbers"
        # Over the keys of a map.
        return self._path(self._pick("counts", "votes")), "string"

    def _macro(self, name, kind, depth):
        items, item_kind = self._range(depth)
        return self._macro_over(name, items, item_kind, kind, depth)

    def _macro_over(self, name, items, item_kind, kind, depth):
        """`kind` is that of the body."""
        # "a macro's variable may not hide another".
        variable = "xyzuvw"[len(self._variables)]
        self._variables.append((variable, item_kind))
        operands = [Text(variable, variable)]
        if name == "map" and self._chance(0.3):
            operands.append(self._make("bool", depth - 2))
            self._use("map with a condition")
        operands.append(self._make(kind, depth - 2))
        self._variables.pop()
        return self._method(items, name, *operands)

    def _list(self, kind, leaves, depth):
        if variable := self._variable(kind + "s"):
            return variable
        if depth <= 0 or self._chance(0.3):
            return self._path(self._pick(*leaves))
        roll = self._source.randrange(8)
        if roll < 3:
            return self._list_literal(kind, depth)
        if roll == 3:
            left = self._make(kind + "s", depth - 1)
            right = self._make(kind + "s", depth - 1)
            return self._finite(self._binary("+", left, right, SUM))
        if roll == 4:
            items = self._make(kind + "s", depth - 1)
            return self._macro_over("filter", items, kind, "bool", depth)
        if roll < 7:
            return self._macro("map", kind, depth)
        return self._conditional(kind + "s", depth)

    def _list_literal(self, kind, depth):
        self._use("[…]")
        items = [self._make(kind, depth - 2) for _ in range(self._pick(0, 1, 2, 3, 3))]
        end = "," if items and self._chance(0.2) else ""
        return Text(
            f"[{', '.join(each.text for each in items)}{end}]",
            f"[{', '.join(each.cel for each in items)}{end}]",
        )

    def _numbers(self, depth):
        return self._list("number", ["nums", "nums", "nums", "empty"], depth)

    def _strings(self, depth):
        return self._list("string", ["tags", "tags", "tags", "empty"], depth)

    def _map(self, depth):
        if depth <= 0 or self._chance(0.4):
            return self._path(self._pick("counts", "votes", "m"))
        self._use("{…}")
        # "the order of their bytes": the keys stand in that order, since CEL keeps the order of
        # writing. One that is computed is the last, and may stand there twice: an error.
        keys = sorted(self._source.sample(KEYS, self._source.randrange(4)))
        members = [(self._string_literal(key), self._value(depth)) for key in keys]
        if self._chance(0.2):
            members.append((self._key(), self._value(depth)))
        end = "," if members and self._chance(0.2) else ""
        return Text(
            "{%s%s}" % (", ".join(f"{key.text}: {value.text}" for key, value in members), end),
            "{%s%s}" % (", ".join(f"{key.cel}: {value.cel}" for key, value in members), end),
        )

    def _value(self, depth):
        return self._make(self._source.choice(list(self._MAKERS)), depth - 2)

    _MAKERS = {
        "bool": _bool,
        "map": _map,
        "number": _number,
        "numbers": _numbers,
        "string": _string,
        "strings": _strings,
    }

    def _make(self, kind, depth):
        return self._MAKERS[kind](self, depth)


def cases(seed, count):
    """`count` cases; the same for the same seed."""
    generator = Generator(seed)
    for _ in range(count):
        yield generator.case()


def feature_counts(of_cases):
    return collections.Counter(feature for case in of_cases for feature in case.features)


def request(case, text):
    """The line that both evaluators read; `text` is which of the two."""
    return json.dumps({"expression": text} | case.scope, ensure_ascii=False)
