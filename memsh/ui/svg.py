"""One screen as a picture in SVG: what was typed and printed, coloured as on a terminal.

Nothing outside the file is needed: letters are placed column by column, whatever font the reader has.
"""

from __future__ import annotations

import re
from html import escape

from memsh.ui.fold import cells, fitted
from memsh.ui.paint import pieces

WIDE, HIGH, SIZE, MARGIN = 8.4, 17, 14, 12  # of a letter, in pixels
COLORS = {
    "": "#d4d4d4", "bold": "#ffffff", "dim": "#6a7079", "red": "#f28b82", "green": "#8ccf7e", "yellow": "#e5c76b",
    "blue": "#74a8fc", "magenta": "#c47fd5", "cyan": "#6cbfbf", "reverse": "#d4d4d4",
}  # fmt: skip
BACK = "#1e2227"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PROMPT = re.compile(r"^((?:\S+\[\d+\] )?memsh(?:\([^)]*\))*> |\$ )(.*)$")


def _letters(at: int, row: int, style: str, text: str) -> str:
    """A run of letters of one style, from a column on."""
    if not text.strip():
        return ""
    places, column = [], at
    for letter in text.rstrip():
        places.append(f"{MARGIN + column * WIDE:.5g}")
        column += cells(letter)
    words = style.split()
    color = COLORS[words[-1] if words else ""]
    weight = ' font-weight="bold"' if "bold" in words else ""
    y = MARGIN + (row + 1) * HIGH - 4
    return f'<text x="{" ".join(places)}" y="{y}" fill="{color}"{weight}>{escape(text.rstrip())}</text>\n'


def styled(line: str) -> list[tuple[str, str]]:
    """A line as (style, text); what was typed stands out from what came back."""
    typed = _PROMPT.match(line)
    if typed:
        return [("green", typed[1]), ("bold", typed[2])]
    return pieces(line)


def screen(text: str, columns: int, rows: int) -> str:
    """The last `rows` rows of a text that a terminal of so many columns would show, as an SVG file."""
    lines = _ESCAPES.sub("", text).rstrip("\n").split("\n")
    shown = fitted(lines, columns, False)[-rows:]
    wide, high = columns * WIDE + 2 * MARGIN, len(shown) * HIGH + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high}" viewBox="0 0 {wide:.0f} {high}" '
        f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{SIZE}" '
        'xml:space="preserve">\n',
        f"<title>memsh: {escape(lines[0][:60])}</title>\n",
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>\n',
    ]
    for number, row in enumerate(shown):
        at = 0
        for style, piece in [*styled(row.text), ("dim", row.mark)]:
            parts.append(_letters(at, number, style, piece))
            at += cells(piece)
    return "".join(parts) + "</svg>\n"
