"""A pasted text without what lies around it: time stamps, syslog and journald heads, mail quotes, prompts, entities.

The parsers of reports look for words with any white space between them, so a line that was wrapped in a mail is read
as if it were whole. A line of another daemon between the kernel's is left out.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

_QUOTE = re.compile(r"[ \t]*(?:[>|]+[ \t]*)+")
_DATE = re.compile(
    r"(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?(?: \d{4})?[ \t]+"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?[ \t]+"
    r"|\d{4}/\d\d/\d\d[ \t]\d\d:\d\d:\d\d[ \t]+"
)
_TAG = re.compile(r"(?:(?P<host>[\w.:-]+)[ \t]+)?(?P<tag>[\w./@-]+)(?:\[\d+\])?:[ \t]*")
_STAMPS = (
    re.compile(r"<\d{1,3}>"),
    re.compile(r"\[[ \t]*\d+\.\d+(?:[@,]\d+)?\][ \t]?"),
    re.compile(r"\[[ \t]*[TC]\d+\][ \t]?"),
    re.compile(r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\][ \t]?"),
    re.compile(r"(?:kern|user|daemon|syslog)[ \t]*:[ \t]*[a-z]+[ \t]*:[ \t]*"),
    re.compile(r"(?:kern|user|daemon|syslog)\.[a-z]+:?[ \t]+"),
    re.compile(r"(?:[\w.-]+[ \t]+)?kernel(?:\[\d*\])?:[ \t]*"),
    re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?[ \t]+"),
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PROMPT = re.compile(r"^(?:\[?[\w.-]+@[\w.-]+[^\n#$%]*\]?)?[ \t]*[#$%][ \t]+(?:sudo[ \t]+)?(\S.*)$")
_ENTITY = re.compile(r"&(?:gt|lt|amp|nbsp|quot|apos|#\d+|#x[0-9a-fA-F]+);")


class Clean(NamedTuple):
    """A text without prefixes: its lines, and `typed`: (line number, command) of each `$ cat …` among them."""

    lines: list[str]
    typed: list[tuple[int, str]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def clean(text: str) -> Clean:
    """Every line without what a log, a mail or a page put in front of it."""
    if _ENTITY.search(text):
        text = html.unescape(text)
    text = _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " "))
    stripped = [_strip(line) for line in text.split("\n")]
    from_kernel = any(tag == "kernel" for _, tag in stripped)
    lines: list[str] = []
    typed: list[tuple[int, str]] = []
    for line, tag in stripped:
        if from_kernel and tag not in ("", "kernel"):
            continue
        line = _CONTROL.sub("?", line).rstrip()
        match = _PROMPT.match(line)
        if match and not line.startswith("# name"):
            typed.append((len(lines), match[1]))
            lines.append("")
            continue
        lines.append(line)
    return Clean(lines, typed)


def _strip(line: str) -> tuple[str, str]:
    """(the line without prefixes, the syslog tag that it had)."""
    tag = ""
    for _ in range(8):
        before = line
        if (line[:1] in ">|" or line.lstrip()[:1] == ">") and (match := _QUOTE.match(line)):
            line = line[match.end() :]
        dated = _DATE.match(line.lstrip())
        if dated:
            line = line.lstrip()[dated.end() :]
            named = _TAG.match(line)
            if named and (named["host"] or named["tag"] == "kernel"):
                tag = named["tag"]
                line = line[named.end() :]
        for stamp in _STAMPS:
            at = len(line) - len(line.lstrip())
            match = stamp.match(line, at)
            if match:
                tag = tag or ("kernel" if "kernel" in match[0] else "")
                line = line[match.end() :]
        if line == before:
            return line, tag
    return line, tag


def numbers(words: list[str]) -> list[int]:
    """The whole numbers that words begin with; what follows the last of them is none of the line's."""
    found: list[int] = []
    for word in words:
        if not re.fullmatch(r"-?\d{1,20}", word):
            break
        found.append(int(word))
    return found


def shown(text: str, most: int = 64) -> str:
    """A captured name as a terminal may see it."""
    return "".join(c if c.isprintable() else "?" for c in text)[:most]
