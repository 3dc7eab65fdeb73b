"""One file in sections at lines that match: csplit (GNU coreutils 9.1, src/csplit.c).

Known deviation: the files are written when all sections are known, so that a failure leaves older ones alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.bytes import to_bytes
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.regexp import Regexp, RegexpError, compiled
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility

_ENDLESS = -1
_CONVERSION = regular(r"%([-0 #']*)([0-9]*)(?:\.([0-9]*))?(.?)", re.DOTALL)


class Section(NamedTuple):
    """One pattern: where the next section begins. `regexp` is None for a line's number; `ignored`: what stands before
    is not written; `again`: how often it is repeated, _ENDLESS as long as it fits."""

    word: str
    regexp: Regexp | None
    ignored: bool
    offset: int
    line: int
    again: int


def _digits(word: str) -> int:
    if not is_digits(word) or len(word) > 9:
        raise ValueError(f"invalid number: {quote(word)}")
    return int(word)


@utility(
    option("-b", "--suffix-format", type=str, meta="FORMAT", help="as printf would print it, %02d"),
    option("-f", "--prefix", type=str, default="xx", meta="PREFIX", help="instead of xx"),
    option("-k", "--keep-files", help="what is written stays if something goes wrong"),
    option("--suppress-matched", help="without the lines that match"),
    option("-n", "--digits", type=_digits, default=2, meta="N", help="digits of the names"),
    option("-q", "-s", "--quiet", "--silent", name="quiet", help="do not print the sizes"),
    option("-z", "--elide-empty-files"), rest("words", words="path", meta="FILE PATTERN"),
    usage="[OPTION]... FILE PATTERN...",
)  # fmt: skip
def csplit(box: object, args: Args, io: IO) -> int:
    """cut a file at lines that match

    csplit -s -f /tmp/zone. /proc/zoneinfo '/^Node/' '{*}'; ls /tmp
    """
    if len(args.words) < 2:
        raise args.refused(f"missing operand after {quote(args.words[0])}" if args.words else "missing operand")
    if args.suffix_format is not None:
        _check_format(args.suffix_format)
    sections = _sections(io, args.words[1:])
    sources = Sources(io, [args.words[0]], "cannot open '{name}' for reading: {why}")
    lines = list(sources.lines()) if sources.open(args.words[0]) is not None else []
    if sources.failed:
        return 1
    return _Cutting(args, io, lines).run(sections)


def _check_format(pattern: str) -> None:
    found = 0
    for match in _CONVERSION.finditer(pattern.replace("%%", "")):
        found += 1
        if found > 1:
            raise ShellError("too many % conversion specifications in suffix")
        if not match[4]:
            raise ShellError("missing conversion specifier in suffix")
        if match[4] not in "diuoxX":
            shown = match[4] if " " <= match[4] <= "~" else f"\\{ord(match[4]):03o}"
            raise ShellError(f"invalid conversion specifier in suffix: {shown}")
        for flag, letters in (("#", "oxX"), ("'", "diu")):
            if flag in match[1] and match[4] not in letters:
                raise ShellError(f"invalid flags in conversion specification: %{flag}{match[4]}")
    if not found:
        raise ShellError("missing % conversion specification in suffix")


def _sections(io: IO, words: list[str]) -> list[Section]:
    sections: list[Section] = []
    last = 0
    for at, word in enumerate(words):
        if word[:1] == "{" and at:
            if word[-1] != "}":
                raise ShellError(f"{quote(word)}: '}}' is required in repeat count")
            if word != "{*}" and not is_digits(word[1:-1]):
                raise ShellError(f"{quote(word[:-1])}}}: integer required between '{{' and '}}'")
            sections[-1] = sections[-1]._replace(again=_ENDLESS if word == "{*}" else int(word[1:-1][:18]))
        elif word[:1] in ("/", "%"):
            sections.append(_expression(word))
        else:
            if not is_digits(word) or len(word) > 18:
                raise ShellError(f"{quote(word)}: invalid pattern")
            line = int(word)
            if not line:
                raise ShellError(f"{word}: line number must be greater than zero")
            if line < last:
                raise ShellError(f"line number {quote(word)} is smaller than preceding line number, {last}")
            if line == last:
                io.complain(f"warning: line number {quote(word)} is the same as preceding line number")
            last = line
            sections.append(Section(word, None, False, 0, line, 0))
    return sections


def _expression(word: str) -> Section:
    end = word.rfind(word[0], 1)
    if end < 0:
        raise ShellError(f"{word}: closing delimiter '{word[0]}' missing")
    offset = word[end + 1 :]
    if offset and re.fullmatch(r"[-+]?[0-9]{1,18}", offset) is None:
        raise ShellError(f"{quote(word)}: integer expected after delimiter")
    try:
        regexp = compiled(word[1:end])
    except RegexpError as error:
        raise ShellError(f"{quote(word)}: invalid regular expression: {error.message}") from None
    return Section(word, regexp, word[0] == "%", int(offset or 0), 0, 0)


class _Cutting:
    """One call: which lines are left, which line was looked at last, the file that is being written."""

    def __init__(self, args: Args, io: IO, lines: list[str]) -> None:
        self.args, self.io, self.lines = args, io, lines
        self.place = self.current = 0  # lines taken, and looked at
        self.made: list[tuple[str, str]] = []
        self.parts: list[str] | None = None

    def run(self, sections: list[Section]) -> int:
        try:
            for section in sections:
                again = 0
                while section.again == _ENDLESS or again <= section.again:
                    self.io.check()
                    if section.regexp is None:
                        self._to_line(section, again)
                    elif not self._to_match(section, section.regexp, again):
                        self._write()
                        return 0
                    again += 1
            self._begin()
            self._rest()
            self._finish()
        except ShellError:
            self._finish()
            if self.args.keep_files:
                self._write()
            raise
        self._write()
        return 0

    def _to_line(self, section: Section, again: int) -> None:
        wrong = ShellError(f"{quote(str(section.line))}: line number out of range" + (
            f" on repetition {again}" if again else ""))  # fmt: skip
        self._begin()
        if self.args.suppress_matched and self._at_end():
            raise wrong
        while self.place + 1 < section.line * (again + 1):
            if not self._take(True):
                raise wrong
        self._finish()
        if self.args.suppress_matched:
            self._take(False)
        elif self._at_end():
            raise wrong

    def _to_match(self, section: Section, regexp: Regexp, again: int) -> bool:
        """False where the file ended, and may."""
        if not section.ignored:
            self._begin()
        while True:
            self.current += 1
            if self.current > len(self.lines):
                if not section.ignored:
                    self._rest()
                if section.again == _ENDLESS:
                    self._finish()
                    return False
                raise ShellError(f"{quote(section.word)}: match not found" + (
                    f" on repetition {again}" if again else ""))  # fmt: skip
            if regexp.search(self.lines[self.current - 1].removesuffix("\n")) is not None:
                break
            if section.offset >= 0:
                self._take(not section.ignored)
        end = self.current + section.offset
        wrong = ShellError(f"{quote(section.word)}: line number out of range")
        if self.place + 1 > end:
            raise wrong
        while self.place + 1 < end:
            if not self._take(not section.ignored):
                raise wrong
        if not section.ignored:
            self._finish()
        if section.offset > 0:
            self.current = end
        if self.args.suppress_matched:
            self._take(False)
        return True

    def _at_end(self) -> bool:
        return self.current >= len(self.lines)

    def _take(self, kept: bool) -> bool:
        if self.place >= len(self.lines):
            return False
        if kept and self.parts is not None:
            self.parts.append(self.lines[self.place])
        self.place += 1
        self.current = max(self.current, self.place)
        return True

    def _rest(self) -> None:
        while self._take(True):
            pass

    def _begin(self) -> None:
        self.parts = []

    def _finish(self) -> None:
        """The section is whole: tell its size."""
        if self.parts is None:
            return
        text, self.parts = "".join(self.parts), None
        if not text and self.args.elide_empty_files:
            return
        self.made.append((self.args.prefix + self._suffix(len(self.made)), text))
        if not self.args.quiet:
            self.io.out(f"{len(to_bytes(text))}\n")

    def _write(self) -> None:
        files = self.io.session.files
        assert files is not None
        for name, text in self.made:
            try:
                sink = files.open_write(self.io.session, name, False)
            except OSError as error:
                raise ShellError(f"{quotef(name)}: {error.strerror or error}") from None
            sink.write(text)
            sink.close()

    def _suffix(self, number: int) -> str:
        pattern = self.args.suffix_format
        if pattern is None:
            return f"{number:0{self.args.digits}d}"
        return str(pattern.replace("'", "") % number)
