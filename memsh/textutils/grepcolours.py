"""How grep --color paints its lines: GREP_COLORS and its capabilities (GNU grep 3.8's grep.c, "color_dict").

Known deviations: GREP_COLOR, which grep warns of, is not looked at.
"""

from __future__ import annotations

import re

_BEGUN = {"ms": "01;31", "mc": "01;31", "sl": "", "cx": "", "fn": "35", "ln": "32", "bn": "32", "se": "36"}
_ENTRY = re.compile(r"([a-z]+)(?:=([0-9;]*))?(?::|\Z)")


class Colours:
    """Styles by capability: "ms" and "mc" of what matched in a selected line and in its context, "sl" and "cx" of the
    rest of such lines, "fn" "ln" "bn" "se" of names, numbers, offsets and separators. `reverse`: -v swaps sl and cx."""

    def __init__(self, given: str = "") -> None:
        self.styles = dict(_BEGUN)
        self.reverse, self.end = False, "\33[K"
        place = 0
        while (match := _ENTRY.match(given, place)) is not None:  # what is malformed ends the list
            name, style = match.groups()
            if style is None:
                self.reverse = self.reverse or name == "rv"
                self.end = "" if name == "ne" else self.end
            else:
                self.styles.update(dict.fromkeys(("ms", "mc") if name == "mt" else (name,), style))
            place = match.end()

    def _begin(self, name: str) -> str:
        return f"\33[{self.styles[name]}m{self.end}" if self.styles[name] else ""

    def paint(self, name: str, text: str) -> str:
        begin = self._begin(name)
        return f"{begin}{text}\33[m{self.end}" if begin else text

    def line(self, pieces: list[tuple[str, str]], rest: str, selected: bool, inverted: bool) -> str:
        """A line: pieces of (text before, text that matched), and the rest; `inverted`: grep -v."""
        own = "sl" if selected is not (inverted and self.reverse) else "cx"
        found, begin = "ms" if selected else "mc", self._begin(own)
        parts = [begin + before + self.paint(found, match) for before, match in pieces]
        return "".join(parts) + (self.paint(own, rest) if rest else "")
