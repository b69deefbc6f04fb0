"""Two small line charts side by side, as SVG: oversold and lost, by the interval of the exports."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

WIDTH, HEIGHT = 340, 200
LEFT, TOP, GAP = 50, 40, 70
COLOURS = ("#b3261e", "#e07b39", "#1f5fa8", "#2e8b57", "#7a5ea8")

Series = dict[str, list[tuple[Decimal, Decimal]]]


def plot(series: Series, ticks: list[str]) -> str:
    """Draw each named series of (oversold, lost) percentages; one point a tick."""
    total_width, total_height = LEFT + 2 * WIDTH + GAP + 20, TOP + HEIGHT + 50 + 18 * len(series)
    box = f'viewBox="0 0 {total_width} {total_height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">',
        f'<rect width="{total_width}" height="{total_height}" fill="#ffffff"/>',
    ]
    titles = ("Oversold, % of accepted pieces", "Refused though free, % of asked pieces")
    for panel, title in enumerate(titles):
        values = {name: [point[panel] for point in points] for name, points in series.items()}
        parts += _panel(LEFT + panel * (WIDTH + GAP), title, values, ticks)
    parts += _legend(list(series))
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: int, title: str, values: dict[str, list[Decimal]], ticks: list[str]) -> list[str]:
    highest = max((one for points in values.values() for one in points), default=Decimal(0))
    step = next(one for one in (1, 2, 5, 10, 20, 25, 50) if one * 5 >= highest or one == 50)
    top = step * 5
    parts = [f'<text x="{left}" y="{TOP - 15}" font-weight="bold">{title}</text>']
    for level in range(0, top + 1, step):
        y = _y(Decimal(level), top)
        parts.append(f'<line x1="{left}" y1="{y}" x2="{left + WIDTH}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{level}</text>')
    for position, tick in enumerate(ticks):
        x = _x(left, position, len(ticks))
        parts.append(f'<text x="{x}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{tick}</text>')
    for colour, points in zip(COLOURS, values.values(), strict=False):
        parts += _line([(_x(left, number, len(ticks)), _y(one, top)) for number, one in enumerate(points)], colour)
    return parts


def _line(points: list[tuple[int, int]], colour: str) -> list[str]:
    strokes = [
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="2"/>'
        for (x1, y1), (x2, y2) in pairwise(points)
    ]
    return strokes + [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in points]


def _legend(names: list[str]) -> list[str]:
    parts = []
    for position, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        y = TOP + HEIGHT + 50 + 18 * position
        parts.append(f'<rect x="{LEFT}" y="{y - 9}" width="20" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 28}" y="{y - 2}">{name}</text>')
    return parts


def _x(left: int, position: int, count: int) -> int:
    margin = 25
    return left + margin + (WIDTH - 2 * margin) * position // max(count - 1, 1)


def _y(value: Decimal, top: int) -> int:
    return TOP + HEIGHT - int(value * HEIGHT / top)
