"""Plots as SVG: lines with a band of what they vary by, and ratios beside their goals.

Colours and text suit a light and a dark page; numbers stand in the picture, not only positions.
"""

import html
import math

WIDTH = 720
HEIGHT = 360
LEFT, RIGHT, TOP, BOTTOM = 90, 170, 44, 52
ROW_HEIGHT = 30
LETTER_WIDTH = 6.8
NUMBER_WIDTH = 70
TICKS_WANTED = 6
COLOURS = ("#2f7ed8", "#e0752d", "#3a9d5d", "#a05cc5", "#c23b56", "#8a8a2c")
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .title { font-size: 15px; font-weight: bold }
.axis { stroke: #57606a } .grid { stroke: #57606a; stroke-opacity: .25 }
.met { fill: #2da05a } .missed { fill: #d1453b } .known { fill: #7a828a }
@media (prefers-color-scheme: dark) { text { fill: #d8dee4 } .axis, .grid { stroke: #9aa4ae } }
"""


def text(x, y, words, anchor="middle", css="", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}"{more}>' + (
        f"{html.escape(str(words))}</text>"
    )


def line(x1, y1, x2, y2, css, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"{more}/>'


def document(width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def short(number):
    """1200000 as 1.2M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


class Scale:
    """From numbers to places, linear from 0 or logarithmic."""

    def __init__(self, numbers, log, start, end):
        self._log = log
        self._start, self._end = start, end
        if log:
            self._low = math.log10(min(numbers))
            self._high = math.log10(max(numbers))
            if self._high - self._low < 0.01:
                self._low, self._high = self._low - 0.5, self._high + 0.5
        else:
            self._low = min(0, *numbers, 0)
            self._high = max(*numbers, 0) * 1.05 or 1

    def __call__(self, number):
        value = math.log10(number) if self._log else number
        share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self):
        if self._log:
            tens = range(math.floor(self._low), math.ceil(self._high) + 1)
            factors = (1, 2, 5) if self._high - self._low < 2.5 else (1,)
            found = [factor * 10.0**ten for ten in tens for factor in factors]
            return [
                each for each in found if self._low - 0.01 <= math.log10(each) <= self._high + 0.01
            ]
        raw = (self._high - self._low) / TICKS_WANTED
        size = 10 ** math.floor(math.log10(raw))
        step = next(size * each for each in (1, 2, 5, 10) if size * each >= raw)
        first = math.ceil(self._low / step)
        return [number * step for number in range(first, math.floor(self._high / step) + 1)]


def _shown(points, log_x, log_y):
    """The points that have a place on such axes."""
    return [
        (x, max(low, y / 100) if log_y else low, y, high)
        for x, low, y, high in points
        if (x > 0 or not log_x) and (y > 0 or not log_y)
    ]


def _series(points, x_at, y_at, colour):
    upper = [f"{x_at(x):.1f},{y_at(high):.1f}" for x, _, _, high in points]
    lower = [f"{x_at(x):.1f},{y_at(low):.1f}" for x, low, _, _ in reversed(points)]
    middle = [f"{x_at(x):.1f},{y_at(y):.1f}" for x, _, y, _ in points]
    yield f'<polygon points="{" ".join(upper + lower)}" fill="{colour}" fill-opacity=".2"/>'
    yield f'<polyline points="{" ".join(middle)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, _, y, _ in points:
        yield (
            f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}">'
            f"<title>{short(x)}: {short(y)}</title></circle>"
        )


def lines(plot):
    """A plot as Comparison.plot() keeps it."""
    log_x, log_y = plot["log_x"], plot["log_y"]
    series = {
        label: _shown(points, log_x, log_y) for label, points in plot["series"].items() if points
    }
    everything = [point for points in series.values() for point in points]
    parts = [text(LEFT, 24, plot["title"], "start", "title")]
    if not everything:
        return document(WIDTH, HEIGHT, parts)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    x_at = Scale([point[0] for point in everything], log_x, LEFT, right)
    y_at = Scale([each for point in everything for each in point[1:]], log_y, bottom, TOP)
    for tick in y_at.ticks():
        parts.append(line(LEFT, y_at(tick), right, y_at(tick), "grid"))
        parts.append(text(LEFT - 8, y_at(tick) + 4, short(tick), "end"))
    x_ticks = sorted({point[0] for point in everything}) if log_x else x_at.ticks()
    for tick in x_ticks:
        parts.append(line(x_at(tick), bottom, x_at(tick), bottom + 5, "axis"))
        parts.append(text(x_at(tick), bottom + 19, short(tick)))
    parts.append(line(LEFT, bottom, right, bottom, "axis"))
    parts.append(line(LEFT, TOP, LEFT, bottom, "axis"))
    parts.append(text((LEFT + right) / 2, HEIGHT - 10, plot["x_label"]))
    middle = (TOP + bottom) / 2
    turned = f' transform="rotate(-90 20 {middle})"'
    parts.append(text(20, middle, plot["y_label"], more=turned))
    for number, (label, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.extend(_series(points, x_at, y_at, colour))
        place = TOP + 10 + 20 * number
        key = f'x="{right + 14}" y="{place - 9}" width="14" height="4"'
        parts.append(f'<rect {key} fill="{colour}"/>')
        parts.append(text(right + 34, place - 2, label, "start"))
    return document(WIDTH, HEIGHT, parts)


def ratios(title, rows):
    """Each row's ratio as a bar with its goal; a row is (label, ratio, spread, bound, met)."""
    height = TOP + ROW_HEIGHT * len(rows) + BOTTOM
    bottom = height - BOTTOM
    parts = [text(16, 24, title, "start", "title")]
    if not rows:
        return document(WIDTH, height, parts)
    left = 24 + LETTER_WIDTH * max(len(label) for label, *_ in rows)
    right = WIDTH - NUMBER_WIDTH
    numbers = [bound for _, _, _, bound, _ in rows if bound]
    for _, ratio, spread, _, _ in rows:
        numbers.extend(_ends(ratio, spread))
    positive = [each for each in numbers if each > 0] or [1]
    at = Scale([0.8 * min(positive), 1.1 * max(positive), 0.8], True, left, right)
    for tick in at.ticks():
        parts.append(line(at(tick), TOP, at(tick), bottom, "grid"))
        parts.append(text(at(tick), bottom + 18, f"{tick:g}"))
    for number, row in enumerate(rows):
        parts.extend(_ratio(row, TOP + ROW_HEIGHT * (number + 0.5), at, left))
    parts.append(line(left, TOP, left, bottom, "axis"))
    legend = "ours / peer, logarithmic; upright mark: goal"
    parts.append(text((left + right) / 2, height - 12, legend))
    return document(WIDTH, height, parts)


def _ends(ratio, spread):
    """Where the spread's mark begins and ends, about the ratio."""
    return ratio * max(1 - spread / 2, 0.1), ratio * (1 + spread / 2)


def _ratio(row, y, at, left):
    label, ratio, spread, bound, met = row
    css = "known" if met is None else "met" if met else "missed"
    yield text(left - 10, y + 4, label, "end")
    yield text(WIDTH - 10, y + 4, f"{ratio:.3g}", "end")
    if ratio > 0:
        yield (
            f'<rect x="{left:.1f}" y="{y - 8:.1f}" width="{at(ratio) - left:.1f}" height="16" '
            f'class="{css}" fill-opacity=".75"/>'
        )
        low, high = _ends(ratio, spread)
        yield line(at(low), y, at(high), y, "axis", ' stroke-width="2"')
    if bound and bound > 0:
        yield line(at(bound), y - 12, at(bound), y + 12, "axis", ' stroke-width="3"')
