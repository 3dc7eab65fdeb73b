"""What is coloured in finished text: words that tell something, and the marks of pictures by their use.

The text itself is never changed, and tells everything without colour too: each mark of a picture has a letter of its
own and stands in the legend. The terminal, a page of HTML and a picture in SVG are painted by the same spans.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple


class Span(NamedTuple):
    """Columns [start, end) of a line in a style: a colour's name, `bold`, `dim`, `reverse`, or `bold COLOUR`."""

    start: int
    end: int
    style: str


PATTERNS = (
    (re.compile(r"^[A-Z][\w()]*:(?=\s)"), "cyan"),  # the labels of meminfo, status, smaps
    (re.compile(r"\[(?:heap|stack|vdso|vvar|rollup)\]"), "green"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{8}\b"), "yellow"),  # the ranges of maps
    (re.compile(r"\b0x[0-9a-f]+\b"), "yellow"),
    (re.compile(r"^\$\d+(?= = )"), "bold"),
    (re.compile(r"\b\d+(?= kB$)"), "bold"),
    (re.compile(r"^(?:Node \d+, zone +\w+|#? ?name +<active_objs>.*|slabinfo - version.*)"), "cyan"),
    (re.compile(r"^ *(?:PID|USER|UID|F) .*(?:CMD|COMMAND)$"), "reverse"),
    (re.compile(r"^  OBJS ACTIVE .*$"), "reverse"),
    (re.compile(r"^(?:procs -|--procs| r  b |   r    b ).*$"), "cyan"),
    (re.compile(r"^ {15}total +used.*$"), "cyan"),
    (re.compile(r"^(?:Mem|Low|High|Swap|Total|Comm):(?= )"), "cyan"),
    (re.compile(r"\b(?:Segmentation fault|Out of memory|BUG:|invoked oom-killer)"), "bold red"),
    (re.compile(r"^~ .*$"), "dim"),  # the line of `delta`
    (re.compile(r"(?:^|(?<=[ +]))>(?=[\w(\[.-])[^\s>]+"), "bold yellow"),  # what changed, in `display` and `diff`
    (re.compile(r"█[█▏▎▍▌▋▊▉]*|[▏▎▍▌▋▊▉]"), "green"),  # bars
)
_ROW = re.compile(r"^ {2,7}(?:0x[0-9a-f]+|0x[0-9a-f]{8}) {1,2}\|?(?=\S)")  # what stands before the marks of a picture
_MARKS = re.compile(r"[·…A-Za-z0-9?■○]{4,} *(?:\||$)")
_LEGEND = re.compile(r"(?:^|(?<=  ))([·■○?A-Za-z0])(?= [a-z])")
_AREA = re.compile(r"^\|( +[\d.]+ \w+ +)\| [0-9a-f]{8,16} (\S.*)$")  # a box of `vmmap`
_AREAS = (("stack", "magenta"), ("heap", "green"), ("bss", "green"), ("read-only", "dim"), ("data", "yellow"),
          ("code", "blue"), ("vmalloc", "cyan"), ("kmaps", "cyan"), ("direct", "red"), ("fixed", "yellow"),
          ("mmap", "green"), ("v", "dim"))  # fmt: skip
_SHARE = re.compile(r"(?<= )(\d+)%")
MARK_STYLES = {
    "·": "dim", "0": "dim", "c": "dim", "u": "green", "a": "green", "f": "blue", "h": "blue", "s": "magenta",
    "m": "magenta", "k": "yellow", "t": "cyan", "v": "cyan", "p": "yellow", "d": "yellow", "r": "red", "x": "red",
    "?": "bold red", "■": "green", "○": "yellow",
}  # fmt: skip


def style_of(mark: str) -> str:
    """The style of a picture's mark: free is dim, a process green, the page cache blue, slab magenta, …"""
    return MARK_STYLES.get(mark) or MARK_STYLES.get(mark.lower(), "")


def _picture(line: str) -> list[Span]:
    """The marks of a picture's row, run by run, or those of its legend."""
    row = _ROW.match(line)
    if row is not None:
        marks = _MARKS.match(line, row.end())
        if marks is None:
            return []
        found, at = [], row.end()
        for style, run in groupby(line[row.end() : marks.end()].rstrip("| "), style_of):
            length = len(list(run))
            if style:
                found.append(Span(at, at + length, style))
            at += length
        return found
    box = _AREA.match(line)
    if box is not None:
        style = next((style for word, style in _AREAS if word in box[2]), "")
        return [Span(*box.span(1), style), Span(*box.span(2), style)] if style else []
    if line[:2] in ("· ", "■ ") or "; a capital: more than half" in line:
        return [Span(match.start(1), match.end(1), style_of(match[1])) for match in _LEGEND.finditer(line)]
    if line.count("%") >= 8:  # a row of `frag`
        return [Span(match.start(), match.end(), "green" if int(match[1]) < 25 else
                "yellow" if int(match[1]) < 75 else "bold red") for match in _SHARE.finditer(line)]  # fmt: skip
    return []


def spans(line: str) -> list[Span]:
    """What is styled in a line, from left to right; nothing overlaps."""
    if "\x1b" in line:
        return []
    found = _picture(line)
    for pattern, style in PATTERNS:
        found += [Span(match.start(), match.end(), style) for match in pattern.finditer(line)]
    kept: list[Span] = []
    for span in sorted(found):
        if span.start < span.end and (not kept or span.start >= kept[-1].end):
            kept.append(span)
    return kept


def pieces(line: str) -> list[tuple[str, str]]:
    """The whole line as (style, text)."""
    parts, at = [], 0
    for span in spans(line):
        if span.start > at:
            parts.append(("", line[at : span.start]))
        parts.append((span.style, line[span.start : span.end]))
        at = span.end
    return [*parts, ("", line[at:])] if at < len(line) else parts
