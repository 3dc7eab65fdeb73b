"""Bytes changed: tr (GNU coreutils 9.1); and what bytes a text has.

tr works on bytes, as GNU's does: a character of several bytes is several characters to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import FileInput, Input
from memsh.shell.limits import TEXT, TOO_LONG
from memsh.textutils.quoting import C_ESCAPES
from memsh.textutils.utility import option, utility

_CLASSES = {
    "lower": "abcdefghijklmnopqrstuvwxyz", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "digit": "0123456789",
    "space": "\t\n\v\f\r ", "blank": "\t ", "xdigit": "0123456789ABCDEFabcdef",
    "punct": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "cntrl": "".join(map(chr, [*range(32), 127])),
    "print": "".join(map(chr, range(32, 127))), "graph": "".join(map(chr, range(33, 127))),
    "alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}  # fmt: skip
_CONTROL = {**C_ESCAPES, "\\": "\\"}
_ELEMENT = regular(
    r"\[:((?:(?!\*[0-9]*\]).)*?):\]|\[=((?:(?!\*[0-9]*\]).)*?)=\]|"
    r"\[(\\[0-7]{1,3}|\\.|[^\\])\*([^\]\\]*)\]|\\([0-7]{1,3})|\\(.)|(.)", re.DOTALL
)  # fmt: skip


def to_bytes(text: str) -> bytes:
    """The bytes that `to_text` was given."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """Bytes of a file as text; what is no UTF-8 survives as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def visible(byte: int) -> str:
    """A byte as cat -v shows it: control characters as ^X, those above 127 as M-x."""
    mark, low = ("M-", byte - 128) if byte > 127 else ("", byte)
    return mark + ("^?" if low == 127 else f"^{chr(low + 64)}" if low < 32 else chr(low))


def latin(text: str) -> str:
    """Text with one character for each of its bytes."""
    return text if text.isascii() else to_bytes(text).decode("latin-1")


def from_latin(text: str) -> str:
    """What `latin` was given."""
    return text if text.isascii() else to_text(text.encode("latin-1"))


LONGEST_SET = 1 << 16  # of [c*N], of which no more than SET1 has is ever used


class _Set:
    """SET1 or SET2: its characters in order, where a [c*] fills up, and which of them came from a class."""

    def __init__(self, text: str) -> None:
        self.chars: list[str] = []
        self.dangling = re.search(r"(?:^|[^\\])(?:\\\\)*\\$", text) is not None
        self.fill: tuple[int, str] | None = None
        self.classes: list[str] = []
        self.cases: set[int] = set()  # where [:lower:] and [:upper:] begin
        tokens = list(_ELEMENT.finditer(latin(text)))
        place = 0
        while place < len(tokens):
            match = tokens[place]
            place += 1
            name, equal, repeated, times, *_ = match.groups()
            if name is not None:
                if not name:
                    raise ShellError("missing character class name '[::]'")
                if name not in _CLASSES:
                    raise ShellError(f"invalid character class '{name}'")
                self.classes.append(name)
                if name in ("lower", "upper"):
                    self.cases.add(len(self.chars))
                self.chars += _CLASSES[name]
            elif equal is not None:
                if len(equal) != 1:
                    raise ShellError(f"{equal}: equivalence class operand must be a single character" if equal else
                                     "missing equivalence class character '[==]'")  # fmt: skip
                self.chars.append(equal)
            elif repeated is not None:
                char = _unquoted(repeated)
                count = _repeats(times)
                if self.fill is not None and not count:
                    raise ShellError("only one [c*] repeat construct may appear in string2")
                if count:
                    self.chars += char * min(count, LONGEST_SET)
                else:
                    self.fill = (len(self.chars), char)
            elif place + 1 < len(tokens) and tokens[place][0] == "-" and _single(tokens[place + 1]):
                self._range(_unquoted(match[0]), _unquoted(tokens[place + 1][0]))
                place += 2
            else:
                self.chars.append(_unquoted(match[0]))

    def _range(self, first: str, last: str) -> None:
        if last < first:
            raise ShellError(f"range-endpoints of '{first}-{last}' are in reverse collating sequence order")
        self.chars += map(chr, range(ord(first), ord(last) + 1))

    def filled(self, size: int) -> list[str]:
        """The characters, [c*] as long as SET1 needs it."""
        if self.fill is None:
            return self.chars
        place, char = self.fill
        return [*self.chars[:place], *char * max(0, size - len(self.chars)), *self.chars[place:]]


def _repeats(times: str) -> int:
    """N of [c*N]: octal with a leading zero; 0 for [c*]."""
    digits = "01234567" if times.startswith("0") else "0123456789"
    if times.strip(digits):
        raise ShellError(f"invalid repeat count '{times}' in [c*n] construct")
    return min(int(times[:24], len(digits)), LONGEST_SET) if times else 0


def _single(match: re.Match[str]) -> bool:
    return match[1] is None and match[2] is None and match[3] is None


def _unquoted(text: str) -> str:
    if text[0] != "\\" or len(text) == 1:
        return text
    if text[1] in "01234567":
        return chr(int(text[1:], 8) & 0xFF)
    return _CONTROL.get(text[1], text[1])


@utility(
    option("-c", "-C", "--complement", help="all others instead"), option("-d", "--delete", help="delete them"),
    option("-s", "--squeeze-repeats", help="repeated ones once"),
    option("-t", "--truncate-set1", help="SET1 no longer than SET2"), rest("sets", meta="SET1 [SET2]"),
    usage="[OPTION]... SET1 [SET2]", in_order=True,
)  # fmt: skip
def tr(box: object, args: Args, io: IO) -> None:
    """change, delete or squeeze characters

    tr -s ' ' < /proc/buddyinfo
    """
    words: list[str] = args.sets
    _count_sets(args, words)
    first = _Set(words[0])
    second = _Set(words[1]) if len(words) > 1 else None
    if first.dangling or (second is not None and second.dangling):
        io.complain("warning: an unescaped backslash at end of string is not portable")
    chars = sorted(set(map(chr, range(256))) - set(first.chars)) if args.complement else first.chars
    if first.fill is not None:
        raise ShellError("the [c*] repeat construct may not appear in string1")
    translating = second is not None and not args.delete
    if second is not None and second.fill is not None and not translating:
        raise ShellError("the [c*] construct may appear in string2 only when translating")
    table: dict[int, str | None] = {}
    if args.delete:
        table = {ord(char): None for char in chars}
    elif translating:
        assert second is not None
        table = _translation(args, first, second, chars)
    squeezed = ""
    if args.squeeze_repeats:
        squeezed = "".join(second.filled(len(chars)) if second is not None else chars)
    pattern = re.compile("([" + re.escape(squeezed) + r"])\1+", re.DOTALL) if squeezed else None
    last = ""
    for chunk in io.stdin.chunks():
        text = latin(chunk)
        if table:
            text = text.translate(table)
        if pattern is not None and text:
            if last and text[0] == last and last in squeezed:
                text = text.lstrip(last)
            text = pattern.sub(r"\1", text)
            last = text[-1] if text else last
        io.out(from_latin(text))


def _count_sets(args: Args, words: list[str]) -> None:
    if not words:
        raise args.refused("missing operand")
    if len(words) == 1 and not args.delete and not args.squeeze_repeats:
        raise args.refused(f"missing operand after '{words[0]}'\nTwo strings must be given when translating.")
    if len(words) == 1 and args.delete and args.squeeze_repeats:
        raise args.refused(f"missing operand after '{words[0]}'\n"
                           "Two strings must be given when both deleting and squeezing repeats.")  # fmt: skip
    if len(words) > 2:
        raise args.refused(f"extra operand '{words[2]}'")
    if len(words) == 2 and args.delete and not args.squeeze_repeats:
        raise args.refused(f"extra operand '{words[1]}'\n"
                           "Only one string may be given when deleting without squeezing repeats.")  # fmt: skip


def _translation(args: Args, first: _Set, second: _Set, chars: list[str]) -> dict[int, str | None]:
    target = second.filled(len(chars))
    if not target:
        if args.truncate_set1 or not chars:
            return {}
        raise ShellError("when not truncating set1, string2 must be non-empty")
    if set(second.classes) - {"lower", "upper"}:
        raise ShellError("when translating, the only character classes that may appear in\n"
                         "string2 are 'upper' and 'lower'")  # fmt: skip
    if args.complement and first.classes and (len(target) > len(chars) or len(set(target)) > 1):
        raise ShellError("when translating with complemented character classes,\n"
                         "string2 must map all characters in the domain to one")  # fmt: skip
    if not args.complement and second.cases - first.cases:
        raise ShellError("misaligned [:upper:] and/or [:lower:] construct")
    if args.truncate_set1:
        chars = chars[: len(target)]
    padded = target + [target[-1]] * (len(chars) - len(target))
    table: dict[int, str | None] = {ord(a): b for a, b in zip(chars, padded, strict=False)}
    return table


def bytes_of(source: Input) -> Iterator[bytes]:
    """The bytes of an input as they come."""
    return (to_bytes(chunk) for chunk in source.chunks())


def data_of(sources: Iterable[tuple[str, Input]], upto: int | None = None, skip: int = 0) -> bytes:
    """All that stretch_of() yields. EOFError; above the limit: Argument list too long."""
    parts, size = [], 0
    for data in stretch_of(sources, upto, skip):
        parts.append(data)
        size += len(data)
        if size > TEXT and size != upto:
            raise ShellError(TOO_LONG)
    return b"".join(parts)


def stretch_of(sources: Iterable[tuple[str, Input]], upto: int | None = None, skip: int = 0) -> Iterator[bytes]:
    """The bytes of some inputs behind the first `skip` as they come, at most `upto` of them; EOFError if there are not
    so many to leave out."""
    for _, source in sources:
        if skip and isinstance(source, FileInput) and (there := source.seek(skip)) is not None:
            skip -= there
        for whole in bytes_of(source):
            data = whole[skip:]
            skip -= len(whole) - len(data)
            if upto is not None and len(data) >= upto:
                yield data[:upto]
                return
            if upto is not None:
                upto -= len(data)
            yield data
    if skip:
        raise EOFError
