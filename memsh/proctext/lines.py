"""A pasted text without what lies around it: time stamps, syslog and journald heads, mail quotes, prompts, entities.

The parsers of reports look for words with any white space between them, so a line that was wrapped in a mail is read
as if it were whole. A line of another daemon between the kernel's is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_QUOTE = re.compile(r"[ \t]*(?:[>|]+[ \t]*)+|\.\.\.[ \t]+")
_DATE = re.compile(
    r"(?:[A-Z][a-z]{2},? )?[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:[.,]\d+)?(?: [AP]M)?(?: \d{4})?[ \t]+"
    r"|(?:1 )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?[ ]?(?:Z|[+-]\d\d:?\d\d|UTC)?[ \t]+"
    r"|\d{4}/\d\d/\d\d[ \t]\d\d:\d\d:\d\d[ \t]+"
)
_HOST = re.compile(r"(\S+)[ \t]+")
_TAG = re.compile(r"([A-Za-z][\w./@-]*)(?:\[\d+\]|\(\d+\))?:[ \t]")
_KERNEL = re.compile(r"(?:\S+[ \t]+)?kernel(?:\[\d*\])?(?::| - - -)(?:[ \t]|$)")
_STAMPS = (
    re.compile(r"<\d{1,3}>"),
    re.compile(r"\[[ \t]*\d+\.\d+(?:[@,]\d+)?\][ \t]?"),
    re.compile(r"\[[ \t]*(?:\d+\.\d+[ \t]+)?<[ \t]*\d+\.\d+>\][ \t]?"),
    re.compile(r"\[[ \t]*\+\d+\.\d+\][ \t]?|\[[A-Z][a-z]{2}[ \t]?\d{1,2} \d\d:\d\d\][ \t]?"),
    re.compile(r"\[[ \t]*[TC]\d+\][ \t]?"),
    re.compile(r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\][ \t]?"),
    re.compile(r"(?:kern|user|daemon|syslog)[ \t]*:[ \t]*[a-z]+[ \t]*:[ \t]*"),
    re.compile(r"(?:kern|user|daemon|syslog)\.[a-z]+:?[ \t]+"),
    re.compile(r"kernel(?:\[\d*\])?(?::| - - -)[ \t]*"),
    re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?[ \t]+"),
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PROMPT = re.compile(r"^(?:\[?[\w.-]+@[\w.-]+[^\n#$%]*\]?)?[ \t]*[#$%][ \t]+(?:sudo[ \t]+)?(\S.*)$")
_ENTITY = re.compile(r"&(?:gt|lt|amp|nbsp|quot|apos|#\d+|#x[0-9a-fA-F]+);")
_MARKUP = re.compile(r"<(?:pre|code|br|div|p|html|span|tt)\b[^<>\n]{0,200}>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>\n?|</p>", re.IGNORECASE)
_TAGS = re.compile(
    r"</?(?:pre|code|div|p|span|tt|html|body|head|b|i|em|strong|a|font|td|tr|table|li|ul)\b[^<>]{0,400}>", re.IGNORECASE
)
_PRINTABLE = re.compile(r"=3D")
OTHER = "\0"
"""Stands for a line of another daemon."""


class Clean(NamedTuple):
    """A text without prefixes: its lines, and `typed`: (line number, command) of each `$ cat …` among them."""

    lines: list[str]
    typed: list[tuple[int, str]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def clean(text: str) -> Clean:
    """Every line without what a log, a mail or a page put in front of it."""
    if _MARKUP.search(text):
        text = _TAGS.sub("", _BREAK.sub("\n", text))
    if _ENTITY.search(text):
        import html  # start-up: 2 ms, for reports with markup alone

        text = html.unescape(text)
    text = _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " "))
    if _PRINTABLE.search(text):  # a mail as it was sent: quoted-printable
        text = re.sub(r"=([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text.replace("=\n", ""))
    if "#012" in text:  # how rsyslog spells the line ends within a message
        text = text.replace("#012", "\n").replace("#011", "\t")
    raw = text.split("\n")
    hosts, tagged = _logs(raw)
    lines: list[str] = []
    typed: list[tuple[int, str]] = []
    for line in raw:
        line = _strip(line, hosts, tagged)
        if line == OTHER:
            continue
        line = _CONTROL.sub("?", line).rstrip()
        match = _PROMPT.match(line)
        if match and not line.startswith("# name"):
            typed.append((len(lines), match[1]))
            lines.append("")
            continue
        lines.append(line)
    return Clean(lines, typed)


def _logs(raw: list[str]) -> tuple[set[str], bool]:
    """(the words that stand where a log has its host, whether lines of the kernel are tagged as such)."""
    words: dict[str, int] = {}
    dated = 0
    tagged = False
    for line in raw:
        body = _unquoted(line)
        match = _DATE.match(body)
        if match:
            dated += 1
            rest = body[match.end() :]
            tagged = tagged or _KERNEL.match(rest) is not None
            host = _HOST.match(rest)
            if host and not host[1].startswith("["):
                words[host[1]] = words.get(host[1], 0) + 1
    return {word for word, times in words.items() if times * 4 > dated and not word.startswith("kernel:")}, tagged


def _unquoted(line: str) -> str:
    line = line.lstrip()
    if line[:1] in (">", "|", "."):
        match = _QUOTE.match(line)
        if match:
            line = line[match.end() :].lstrip()
    return line


def _strip(line: str, hosts: set[str], tagged: bool) -> str:
    """The line without prefixes; OTHER if it is another daemon's."""
    for _ in range(8):
        before = line
        if line.lstrip()[:1] in (">", "|", "."):
            line = _unquoted(line)
        bare = line.lstrip()
        dated = _DATE.match(bare)
        if dated:
            line = bare[dated.end() :]
            host = _HOST.match(line)
            if host and (host[1] in hosts or _KERNEL.match(line)) and not host[1].startswith("kernel"):
                line = line[host.end() :]
            tag = _TAG.match(line)
            if tag and tagged and tag[1] != "kernel":
                return OTHER
        for stamp in _STAMPS:
            match = stamp.match(line, len(line) - len(line.lstrip()))
            if match:
                line = line[match.end() :]
        if line == before:
            break
    return line


def wrapped(pattern: str) -> str:
    """A pattern whose blanks may be any white space, so that a text that was folded there is found."""
    return pattern.replace(" ", r"\s+")


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
