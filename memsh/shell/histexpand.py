"""`!!`, `!$`, `!n:s/a/b/`, `^a^b`: past lines in the one that is read (readline: histexpand.c; bash: bashline.c).

Known deviations: of a command of several lines only the first is looked at, a line of comments is no past line;
$histchars is not heeded.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell.errors import ShellError

_EVENT = regular(r"!(?:(!)|(#)|(-?[0-9]+)|\?([^?\n]*)\??|(?=[:^$*%])|([^\s:^$*%;&()|<>-][^\s:^$*%;&()|<>]*))")
_WORDS = regular(r":?(?:([0-9]+|[\^$%*]|(?=-))(?:(-)([0-9]+|[\^$])?|(\*))?)")
_TOKEN = regular(
    r"""[()\n]|[0-9]*(?:&&|\|\||;;|<<<|<<-?|>>|>\||[<>]&-?|&>>?|[<>;&|])(?!\()|"""
    r"""(?:\\.|'[^']*'?|"(?:\\.|[^"\\])*"?|`[^`]*`?|[$<>]\([^)]*\)?|[^\s'"`\\()<>;&|])+""", re.S,
)  # fmt: skip
_NAMED = ("event not found", "bad word specifier", "substitution failed", "unrecognized history modifier")
EVENT, WORD, SUBSTITUTION, MODIFIER = range(4)


class Expanded(NamedTuple):
    """What became of a line; `runs`: it is to run, not only to be shown and kept (`:p`)."""

    text: str
    runs: bool


def words_of(line: str) -> list[str]:
    """The words of a past line, as history counts them."""
    return _TOKEN.findall(line)


def _wrong(text: str, kind: int) -> ShellError:
    return ShellError(f"{text}: {_NAMED[kind]}")


class History:
    """Expands lines; remembers the last `s` and the last `!?…?` from one to the next."""

    def __init__(self) -> None:
        self.old = self.new = self.searched = ""

    def expand(self, line: str, past: list[str], extglob: bool) -> Expanded | None:
        """None where nothing in it means a past line. ShellError for what there is not."""
        if line[:1] == "^":
            line = "!!:s" + line
        out: list[str] = []
        at, quote, runs, changed = 0, "", True, False
        while at < len(line):
            char = line[at]
            if char == "\\" and quote != "'" and at + 1 < len(line):
                out.append(line[at : at + 2])
                at += 2
                continue
            if char == "#" and not quote and (not at or line[at - 1] in " \t;&|()"):
                break
            if char in "'\"" and quote in ("", char):
                quote = "" if quote else char
            if char != "!" or quote == "'" or _inhibited(line, at, quote, extglob):
                out.append(char)
                at += 1
                continue
            changed = True
            end = line.find('"', at) if quote else -1
            text, at, shown = self._designated(line, at, past, "".join(out), len(line) if end < 0 else end)
            runs = runs and not shown
            out.append(text)
        return Expanded("".join(out) + line[at:], runs) if changed else None

    def _designated(
        self, line: str, at: int, past: list[str], so_far: str, end: int
    ) -> tuple[str, int, bool]:  # fmt: skip
        """(what stands for the `!…` at a place, where that ends, whether it is only to be shown); `end`: of quotes."""
        match = _EVENT.match(line, at, end)
        if match is None:
            raise _wrong("!", EVENT)
        found = self._event(match, past, so_far)
        at = match.end()
        if match[4] is not None:
            self.searched = match[4]
        picked = _WORDS.match(line, at)
        if picked is not None:
            found, at = self._words(words_of(found), picked), picked.end()
        return self._modified(found, line, at)

    def _event(self, match: re.Match[str], past: list[str], so_far: str) -> str:
        _, here, number, part, begins = match.groups()
        found: str | None = None
        if here:
            found = so_far
        elif number:
            place = int(number[:12])
            place = place - 1 if place > 0 else place
            found = past[place] if -len(past) <= place < len(past) and number not in ("0", "-0") else None
        elif part is not None:
            found = next((one for one in reversed(past) if (part or self.searched) in one), None)
        elif begins:
            found = next((one for one in reversed(past) if one.startswith(begins)), None)
        elif past:
            found = past[-1]
        if found is None:
            raise _wrong(match[0], EVENT)
        return found

    def _words(self, words: list[str], picked: re.Match[str]) -> str:
        first, to, second, rest = picked.groups()
        last = len(words) - 1
        if first == "%":
            return next((word for word in words if self.searched and self.searched in word), "")
        if first == "*":
            return " ".join(words[1:])
        begin = {"^": 1, "$": last, "": 0}.get(first, int(first) if is_digits(first) else 0)
        end = begin
        if rest:
            end = last
            if begin == last + 1:
                return ""
        elif to:
            end = {"^": 1, "$": last}.get(second, last - 1) if not is_digits(second or "") else int(second)
            if second is None and end < begin:
                return ""
        if not 0 <= begin <= end <= last:
            raise _wrong(picked[0] if picked[0][:1] == ":" else ":" + picked[0], WORD)
        return " ".join(words[begin : end + 1])

    def _modified(self, text: str, line: str, at: int) -> tuple[str, int, bool]:
        shown = False
        while line.startswith(":", at) and at + 1 < len(line):
            begun, everywhere, each = at, False, False
            at += 1
            while line[at : at + 1] in ("g", "a", "G"):
                everywhere, each = everywhere or line[at] != "G", each or line[at] == "G"
                at += 1
            letter = line[at : at + 1]
            at += 1
            if letter in ("s", "&"):
                at = self._pattern(line, at) if letter == "s" else at
                text = self._substituted(text, everywhere, each, line[begun:at])
            elif letter == "p":
                shown = True
            elif letter in _MODIFIERS and letter:
                text = _MODIFIERS[letter](text)
            else:
                raise _wrong(line[at - 1 :] if letter else "", MODIFIER)
        return text, at, shown

    def _pattern(self, line: str, at: int) -> int:
        """Read `/old/new/`; answers where it ends."""
        mark = line[at : at + 1]
        parts: list[str] = []
        at += 1
        for _ in range(2):
            piece: list[str] = []
            while at < len(line) and line[at] != mark:
                if line[at] == "\\" and line[at + 1 : at + 2] == mark:
                    at += 1
                piece.append(line[at])
                at += 1
            parts.append("".join(piece))
            at += at < len(line)
        self.old = parts[0] or self.old or self.searched
        self.new = re.sub(r"\\(&)|&", lambda match: match[1] or self.old, parts[1])
        return at

    def _substituted(self, text: str, everywhere: bool, each: bool, said: str) -> str:
        if not self.old or self.old not in text:
            raise _wrong(said, SUBSTITUTION)
        if each:
            return re.sub(r"\S+", lambda match: match[0].replace(self.old, self.new, 1), text)
        return text.replace(self.old, self.new, -1 if everywhere else 1)


def _inhibited(line: str, at: int, quote: str, extglob: bool) -> bool:
    """Whether a `!` is none of history's: before a blank or a `=`, in a pattern, in `$!` and `${!name}`."""
    following, before = line[at + 1 : at + 2], line[max(0, at - 2) : at]
    if not following or following in " \t\n\r=" or (quote and following == '"'):
        return True
    if before[-1:] == "[" and "]" in line[at + 1 :]:
        return True
    if before == "${" and "}" in line[at + 1 :]:
        return True
    return before[-1:] == "$" or (extglob and following == "(" and ")" in line[at + 1 :])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _root(text: str) -> str:
    return text.rpartition(".")[0] if "." in text else text


def _extension(text: str) -> str:
    return text[text.rindex(".") :] if "." in text else text


_MODIFIERS: dict[str, Callable[[str], str]] = {
    "h": lambda text: text.rpartition("/")[0] if "/" in text else text, "t": posixpath.basename, "r": _root,
    "e": _extension, "q": _quoted, "x": lambda text: " ".join(map(_quoted, text.split())),
}  # fmt: skip
