"""Charts: figures over the box's clock, drawn in the terminal by plotext, or as SVG. Limits are dashed and named."""

from __future__ import annotations

from html import escape
from typing import Any

from memsh.teach.charting import Chart
from memsh.ui.svg import BACK, COLORS

LINES = ("green", "cyan", "magenta", "blue", "yellow")
WIDE, HIGH, LEFT, BELOW, ABOVE = 760, 360, 90, 40, 40


def seconds(chart: Chart) -> list[float]:
    """The times as they are shown: seconds, or numbers of samples."""
    return [at / 1_000_000 if chart.unit == "s" else float(at) for at in chart.times]


def in_terminal(chart: Chart, columns: int, rows: int) -> str:
    """A chart of so many columns and rows, in plain text; a line below tells which mark is which."""
    import plotext  # start-up: 15 ms, for a chart that is drawn

    figure: Any = plotext
    figure.clear_figure()
    figure.theme("clear")
    figure.plotsize(max(30, columns), max(8, rows))
    marks = "●○◆◇■"
    at = seconds(chart)
    for number, values in enumerate(chart.series):
        figure.plot(at, values, marker=marks[number % len(marks)] if len(chart.series) > 1 else "braille")
    low = min([*(min(values) for values in chart.series), *(value for _, value in chart.limits)])
    high = max([*(max(values) for values in chart.series), *(value for _, value in chart.limits)])
    shown = [(name, value) for name, value in chart.limits if _near(value, chart)]
    if len(shown) < len(chart.limits):
        low, high = min(map(min, chart.series)), max(map(max, chart.series))
        low, high = min([low, *(value for _, value in shown)]), max([high, *(value for _, value in shown)])
    for _, value in shown:
        figure.hline(value)
    if low == high:
        low, high = low - 1, high + 1
    figure.ylim(low, high)
    figure.xlabel("seconds" if chart.unit == "s" else "samples")
    text = "\n".join(line.rstrip() for line in str(figure.build()).split("\n"))
    return str(figure.uncolorize(text)).rstrip("\n") + "\n" + legend(chart, marks)


def _near(value: int, chart: Chart) -> bool:
    """Whether a limit can be drawn beside the figures without pressing them flat."""
    low, high = min(map(min, chart.series)), max(map(max, chart.series))
    room = max(high - low, high // 10, 1)
    return low - 2 * room <= value <= high + 2 * room


def legend(chart: Chart, marks: str) -> str:
    """The names with their last figures; the limits with theirs."""
    lines = []
    for number, (name, values) in enumerate(zip(chart.names, chart.series, strict=True)):
        mark = f"{marks[number % len(marks)]} " if len(chart.series) > 1 else ""
        lines.append(f"{mark}{name}: {values[0]} → {values[-1]}, least {min(values)}, most {max(values)}")
    lines += [f"─ {name} {value}" + ("" if _near(value, chart) else " (beyond the picture)")
              for name, value in chart.limits]  # fmt: skip
    return "".join(line + "\n" for line in lines)


def as_svg(chart: Chart) -> str:
    """The same as a picture."""
    at = seconds(chart)
    near = [(name, value) for name, value in chart.limits if _near(value, chart)]
    values = [value for one in chart.series for value in one] + [value for _, value in near]
    low, high = min(values), max(values)
    high = high if high > low else low + 1
    end = at[-1] or 1.0

    def x(when: float) -> float:
        return round(LEFT + (WIDE - LEFT - 20) * when / end, 1)

    def y(value: float) -> float:
        return round(ABOVE + (HIGH - ABOVE - BELOW) * (1 - (value - low) / (high - low)), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}" '
        'font-family="system-ui, sans-serif" font-size="12">\n',
        f"<title>{escape(', '.join(chart.names))}</title>\n",
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>\n',
    ]
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDE - 20}" y1="{y(value)}" y2="{y(value)}" stroke="#333a44"/>\n')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4}" fill="{COLORS["dim"]}" text-anchor="end">'
                     f"{value:.0f}</text>\n")  # fmt: skip
        parts.append(f'<text x="{x(end * step / 4)}" y="{HIGH - BELOW + 18}" fill="{COLORS["dim"]}" '
                     f'text-anchor="middle">{end * step / 4:.4g}</text>\n')  # fmt: skip
    for name, value in near:
        parts.append(f'<line x1="{LEFT}" x2="{WIDE - 20}" y1="{y(value)}" y2="{y(value)}" stroke="{COLORS["red"]}" '
                     'stroke-dasharray="6 4"/>\n')  # fmt: skip
        parts.append(f'<text x="{WIDE - 24}" y="{y(value) - 4}" fill="{COLORS["red"]}" text-anchor="end">'
                     f"{escape(name)} {value}</text>\n")  # fmt: skip
    for number, (name, one) in enumerate(zip(chart.names, chart.series, strict=True)):
        color = COLORS[LINES[number % len(LINES)]]
        points = " ".join(f"{x(when)},{y(value)}" for when, value in zip(at, one, strict=True))
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{points}"/>\n')
        parts.append(f'<text x="{LEFT + 150 * number}" y="{ABOVE - 18}" fill="{color}">{escape(name)}</text>\n')
    parts.append(f'<text x="{WIDE - 20}" y="{HIGH - 8}" fill="{COLORS["dim"]}" text-anchor="end">'
                 f'{"seconds" if chart.unit == "s" else "samples"}</text>\n')  # fmt: skip
    return "".join(parts) + "</svg>\n"


def draw(chart: Chart, columns: int, rows: int) -> str:
    """For `plot`: SVG where no columns are given."""
    return in_terminal(chart, columns, rows) if columns else as_svg(chart)
