"""dynamic_debug/control: which messages for debugging the kernel has, and which it prints (lib/dynamic_debug.c).

The messages are the recorded kernel's. What is written are queries, `file mm/slub.c line 10-20 +p`, one a line or
between semicolons.

**Known deviations:** what is switched on is shown as such, and is not printed; messages have no classes.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.include.kern_levels import KERN_ERR
from memsh.linux.lib.kstrtox import kstrtouint

if TYPE_CHECKING:
    from memsh.linux.box import Box

FLAGS = "pmflt"
HEAD = "# filename:lineno [module]function flags format\n"
KEPT = "dynamic_debug"  # in box.sysctl.text: what differs from boot, NUMBER:FLAGS
_WORD = re.compile(r"""\s*(?:(["'])(.*?)\1|([^\s"']\S*))""")
_HEX = re.compile(r"\\(n|r|t|v|f|[0-7]{1,3}|x[0-9a-fA-F]{1,2})")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f"}


class Message(NamedTuple):
    """A pr_debug() in the source; `on` are its flags at boot; `text` is escaped."""

    file: str
    line: int
    module: str
    function: str
    on: str
    text: str


@cache
def messages(text: str) -> tuple[Message, ...]:
    """A machine's list: a line with no space in front is `FILE MODULE`, those below `LINE FUNCTION FLAGS TEXT`."""
    found: list[Message] = []
    file = module = ""
    for line in text.splitlines():
        if line[:1] != " ":
            file, _, module = line.partition(" ")
            continue
        number, function, on, words = line[1:].split(" ", 3)
        found.append(Message(file, int(number), module, function, on.strip("_"), words))
    return tuple(found)


def _now(box: Box) -> dict[int, str]:
    pairs = (word.split(":") for word in box.sysctl.text.get(KEPT, "").split())
    return {int(number): on for number, on in pairs}


def show(box: Box) -> str:
    now = _now(box)
    return HEAD + "".join(
        f'{one.file}:{one.line} [{one.module}]{one.function} ={now.get(number, one.on) or "_"} "{one.text}"\n'
        for number, one in enumerate(messages(box.model.dynamic_debug()))
    )


def store(box: Box, text: str) -> None:
    """Queries; those before one that makes no sense have acted, and so have those behind it. EINVAL."""
    wrong = False
    for query in re.split(r"[;\n]", text):
        query = query.strip()
        if query and not query.startswith("#"):
            try:
                _query(box, query)
            except _Wrong as why:
                wrong = True
                for line in (why.args[0], f"{why.args[1]} parse failed"):
                    box.log.printk(f"dyndbg: {line}", KERN_ERR)
    if wrong:
        raise KernelError("EINVAL", "the log says why")


class _Wrong(Exception):
    """What the log says of a query that makes no sense, and of which part."""


def _query(box: Box, query: str) -> None:
    words = [found[2] if found[1] else found[3] for found in _WORD.finditer(query)]
    op, flags = words[-1][:1], words[-1][1:]
    if op not in ("+", "-", "="):
        raise _Wrong(f"bad flag-op {op}, at start of {words[-1]}", "flags")
    for flag in flags:
        if flag not in FLAGS + "_":
            raise _Wrong(f"unknown flag '{flag}'", "flags")
    wanted = _parse(words[:-1])
    now, all_of_them = _now(box), messages(box.model.dynamic_debug())
    chosen = set(flags) - {"_"}
    for number, one in enumerate(all_of_them):
        if not _fits(one, wanted):
            continue
        before = set(now.get(number, one.on))
        after = before | chosen if op == "+" else before - chosen if op == "-" else chosen
        now[number] = "".join(flag for flag in FLAGS if flag in after)
    box.sysctl.text[KEPT] = " ".join(f"{number}:{on}" for number, on in now.items() if on != all_of_them[number].on)


def _parse(words: list[str]) -> dict[str, str]:
    """What is asked for, by its word: func, file, module, format, line (first and last)."""
    if len(words) % 2:
        raise _Wrong("expecting pairs of match-spec <value>", "query")
    found: dict[str, str] = {}

    def put(word: str, value: str) -> None:
        if word in found:
            twice = "match-spec: line used 2x" if word == "line" else (
                f"match-spec:{word} val:{found[word]} overridden by {value}")  # fmt: skip
            raise _Wrong(twice, "query")
        found[word] = value

    for word, value in zip(words[::2], words[1::2], strict=True):
        if word == "file" and ":" in value:
            name, _, rest = value.partition(":")
            put("file", name)
            put("line", _lines(rest)) if is_digits(rest[:1]) or not rest else put("func", rest)
        elif word == "line":
            put("line", _lines(value))
        elif word == "format":
            put("format", _HEX.sub(_unescaped, value))
        elif word in ("func", "file", "module", "class"):
            put(word, value)
        else:
            raise _Wrong(f'unknown keyword "{word}"', "query")
    return found


def _unescaped(found: re.Match[str]) -> str:
    word = found[1]
    return _ESCAPED.get(word) or chr(int(word[1:], 16) if word[0] == "x" else int(word, 8))


def _lines(text: str) -> str:
    """`10`, `10-20`, `10-` or `-20` as first and last."""
    first, dash, last = text.partition("-")
    low = _line(first)
    high = (_line(last) or UINT_MAX) if dash else low
    if high < low:
        raise _Wrong(f"last-line:{high} < 1st-line:{low}", "query")
    return f"{low}-{high}"


def _line(text: str) -> int:
    try:
        return kstrtouint(text) if text else 0
    except KernelError:
        raise _Wrong(f"bad line-number: {text}", "query") from None


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


def _fits(one: Message, wanted: dict[str, str]) -> bool:
    if "class" in wanted:
        return False
    if "file" in wanted and not any(_glob(wanted["file"]).match(name) for name in (
            one.file, one.file.rpartition("/")[2])):  # fmt: skip
        return False
    for word, value in (("func", one.function), ("module", one.module)):
        if word in wanted and not _glob(wanted[word]).match(value):
            return False
    if "format" in wanted:
        text, sought = _HEX.sub(_unescaped, one.text).replace('\\"', '"').replace("\\\\", "\\"), wanted["format"]
        if not (text.startswith(sought[1:]) if sought.startswith("^") else sought in text):
            return False
    low, high = map(int, wanted.get("line", f"0-{UINT_MAX}").split("-"))
    return not low or low <= one.line <= high
