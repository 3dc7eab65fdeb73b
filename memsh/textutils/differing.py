"""The comparison of files and folders that `diff` makes (GNU diffutils 3.8: src/diff.c, analyze.c, io.c).

Known deviations: no -D, no formats of lines and groups, no --color, no -l.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Room
from memsh.shell.registry import Converter, Param
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.regexp import RegexpError, compiled
from memsh.textutils.sources import Sources
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import Body, Refusal, Utility, option

if TYPE_CHECKING:
    from memsh.textutils.hunks import Way

TROUBLE = 2
_STYLES = ("normal", "c", "u", "ed", "rcs", "side_by_side")


def _context(word: str) -> int:
    if not word.isdecimal() or not word.isascii():
        raise ValueError(f"invalid context length {quote(word)}")
    return int(word[:18])


def _positive(what: str, most: int) -> Converter:
    """A converter: a number from 1 up, `most` if it is larger."""

    def convert(word: str) -> int:
        if not word.isdecimal() or not int(word[:18]) > 0:
            raise ValueError(f"invalid {what} {quote(word)}")
        return min(int(word[:18]), most)

    return convert


class DiffUtility(Utility):
    """diff, which says its own name before "Try"."""

    __slots__ = ()

    def refused(self, message: str) -> Refusal:
        return Refusal(f"{message}\ndiff: Try 'diff --help' for more information.", TROUBLE)

    def _converted(self, param: Param, word: str) -> Any:
        try:
            return super()._converted(param, word) if param.type is None else param.type(word)
        except ValueError as error:
            raise self.refused(str(error)) from None

    def parse(self, words: list[str], bits: int = 32) -> Args:
        args = super().parse(words, bits)
        left = list(words)
        for operand in args.files:
            if operand in left:
                left.remove(operand)
        args.__dict__["options"] = left
        return args


def _old_context(words: list[str]) -> list[str]:
    """`diff -u5`, `diff -5`: so many lines around."""
    made = []
    for word in words:
        match = re.fullmatch(r"-([a-zA-Z]*?)([0-9]+)", word)
        if match is not None and (not match[1] or match[1][-1] in "uc"):
            made += [f"-{match[1]}"] if match[1] else []
            word = f"--lines={match[2]}"
        made.append(word)
    return made


OPTIONS = (
    option("--normal"), option("-q", "--brief", help="only whether they differ"),
    option("-s", "--report-identical-files"),
    option("-c", name="c", help="with context"), option("-C", type=_context, name="context_of", meta="N"),
    option("--context", type=_context, optional=3, meta="N"), option("-u", name="u", help="unified"),
    option("-U", type=_context, name="unified_of", meta="N"),
    option("--unified", type=_context, optional=3, meta="N"),
    option("--lines", type=_context, default=None, meta="N"),
    option("-e", "--ed", help="a script for ed"), option("-n", "--rcs"),
    option("-y", "--side-by-side", help="in two columns"),
    option("-W", "--width", type=_positive("width", 10**18), default=130, meta="N"),
    option("--left-column"), option("--suppress-common-lines"),
    option("-p", "--show-c-function"), option("-F", "--show-function-line", type=str, meta="RE"),
    option("--label", type=str, many=True, meta="LABEL"), option("-t", "--expand-tabs"),
    option("-T", "--initial-tab"), option("--tabsize", type=_positive("tabsize", 4096), default=8, meta="N"),
    option("--suppress-blank-empty"), option("-r", "--recursive", help="folders within folders"),
    option("-N", "--new-file", help="a file that is missing is empty"), option("--unidirectional-new-file"),
    option("-x", "--exclude", type=str, many=True, meta="GLOB"),
    option("-i", "--ignore-case"), option("-E", "--ignore-tab-expansion"), option("-Z", "--ignore-trailing-space"),
    option("-b", "--ignore-space-change"), option("-w", "--ignore-all-space"), option("-B", "--ignore-blank-lines"),
    option("-I", "--ignore-matching-lines", type=str, many=True, meta="RE"), option("-a", "--text"),
    option("--strip-trailing-cr"), option("-d", "--minimal", help="the smallest difference"),
    option("--horizon-lines", type=_context, default=0, meta="N"), rest("files", words="path"),
)  # fmt: skip


def diff_tool(body: Body, topic: str) -> DiffUtility:
    """The command, whose body is the caller's."""
    return DiffUtility("diff", OPTIONS, body, topic, TROUBLE, "[OPTION]... FILES", False, False, _old_context)


def compare(io: IO, args: Args) -> int:
    """diff: 0 if both are the same, 1 if not, 2 if one cannot be read."""
    if args.version:
        io.out("diff (memsh): this is not GNU diff version 1.0, but does as it does\n")
        return 0
    if len(args.files) < 2:
        raise args.refused(f"missing operand after {quote((['diff', *args.files])[-1])}")
    if len(args.files) > 2:
        raise args.refused(f"extra operand {quote(args.files[2])}")
    if len(args.label) > 2:
        raise ShellError("too many file label options", TROUBLE)
    return _Comparison(io, args).two(args.files[0], args.files[1], True)


def _way(args: Args) -> Way:
    from memsh.textutils.hunks import Way  # start-up: 2 ms, for differences alone

    named = {"context": "c", "context_of": "c", "unified": "u", "unified_of": "u"}
    styles = [named.get(name, name) for name, _ in args.typed if named.get(name, name) in _STYLES]
    if len(set(styles)) > 1:
        raise args.refused("conflicting output style options")
    style = styles[0] if styles else "c" if args.show_c_function or args.show_function_line else "normal"
    context = max([value for name, value in args.typed if name in named] or [3 if style in "cu" else 0])
    if args.lines is not None and style in "cu":
        context = args.lines
    try:
        function = args.show_function_line or ("^[[:alpha:]$_]" if args.show_c_function else "")
        return Way(style, context, compiled(function) if function else None,
                   tuple(compiled(text) for text in args.ignore_matching_lines))  # fmt: skip
    except RegexpError as error:
        wrong = args.show_function_line or args.ignore_matching_lines[-1]
        raise ShellError(f"{wrong}: {error.message}", TROUBLE) from None


class _Comparison:
    """One call of diff."""

    def __init__(self, io: IO, args: Args) -> None:
        self.io, self.args = io, args
        self.way = _way(args)

    def two(self, one: str, other: str, top: bool) -> int:
        """Compare two files or folders."""
        files = self.io.session.files
        assert files is not None
        session = self.io.session
        folders = [name != "-" and files.test(session, "d", name) for name in (one, other)]
        if all(folders):
            return self._folders(one, other)
        if any(folders) and top:
            if "-" in (one, other):
                raise ShellError("cannot compare '-' to a directory", TROUBLE)
            if folders[0]:
                one = f"{one.rstrip('/') or ''}/{other.rpartition('/')[2]}"
            else:
                other = f"{other.rstrip('/') or ''}/{one.rpartition('/')[2]}"
        elif any(folders):
            kinds = ["directory" if folder else "regular file" for folder in folders]
            self.io.out(f"File {quotef(one)} is a {kinds[0]} while file {quotef(other)} is a {kinds[1]}\n")
            return 1
        return self._files(one, other, top)

    def _folders(self, one: str, other: str) -> int:
        files = self.io.session.files
        assert files is not None
        names = []
        for name in (one, other):
            found = files.listdir(self.io.session, name)
            names.append({entry for entry in found if entry not in (".", "..")
                          and not any(fnmatchcase(entry, glob) for glob in self.args.exclude)})  # fmt: skip
        status = 0
        for name in sorted(names[0] | names[1], key=lambda name: name.encode("utf-8", "surrogateescape")):
            self.io.check()
            a, b = f"{one.rstrip('/')}/{name}", f"{other.rstrip('/')}/{name}"
            missing = (name not in names[0], name not in names[1])
            fills = self.args.new_file or (self.args.unidirectional_new_file and missing[0])
            if any(missing) and not fills:
                self.io.out(f"Only in {quotef(other if missing[0] else one)}: {quotef(name)}\n")
                status = max(status, 1)
            elif files.test(self.io.session, "d", b if missing[0] else a) and (any(missing) or files.test(
                    self.io.session, "d", b)):  # fmt: skip
                if not self.args.recursive:
                    if not any(missing):
                        self.io.out(f"Common subdirectories: {quotef(a)} and {quotef(b)}\n")
                    continue
                status = max(status, self._below(a, b, missing))
            else:
                status = max(status, self.two(a, b, False))
        return status

    def _below(self, one: str, other: str, missing: tuple[bool, bool]) -> int:
        """Two folders, of which one may be missing (-N)."""
        if not any(missing):
            return self._folders(one, other)
        files = self.io.session.files
        assert files is not None
        status = 0
        there = other if missing[0] else one
        for name in sorted(files.listdir(self.io.session, there)):
            if name in (".", ".."):
                continue
            a, b = f"{one}/{name}", f"{other}/{name}"
            if files.test(self.io.session, "d", f"{there}/{name}"):
                status = max(status, self._below(a, b, missing))
            else:
                status = max(status, self._files(a, b, False))
        return status

    def _lines(self, name: str) -> list[str] | None:
        """The lines of a file; None if it cannot be read."""
        files = self.io.session.files
        assert files is not None
        if self.args.new_file and name != "-" and not files.test(self.io.session, "e", name):
            return []
        sources = Sources(self.io, [name])
        found, room = [], Room()
        for line in sources.lines():
            room.take(line)
            found.append(line)
        return None if sources.failed else found

    def _files(self, one: str, other: str, top: bool) -> int:
        args, io = self.args, self.io
        texts = [self._lines(one), self._lines(other) if (one, other) != ("-", "-") else []]
        if (one, other) == ("-", "-"):
            texts[1] = texts[0]
        before, after = texts
        if before is None or after is None:
            return TROUBLE
        if before == after and self.way.style != "side_by_side":
            return self._same(one, other)
        if not args.text and any("\0" in line for text in (before, after) for line in text):
            if before == after:
                return self._same(one, other)
            kind = "Files" if args.brief else "Binary files"
            io.out(f"{kind} {quotef(one)} and {quotef(other)} differ\n")
            return 1 if args.brief or self.way.style in ("normal", "c", "u", "side_by_side") else TROUBLE
        if args.strip_trailing_cr:
            before, after = ([re.sub(r"\r\n\Z", "\n", line) for line in text] for text in (before, after))
        if self.way.style == "ed" and not args.brief:
            cut = [name for name, text in ((one, before), (other, after)) if text and not text[-1].endswith("\n")]
            for name in cut:
                io.complain(f"{name}: No newline at end of file\n")
            if cut:
                return TROUBLE
        keys = [self._key(line) for line in before], [self._key(line) for line in after]
        horizon = max(args.horizon_lines, self.way.context)
        from memsh.textutils.comparing import changes  # start-up: 2 ms, for differences alone
        from memsh.textutils.hunks import Told  # start-up: the same

        script = changes(before, after, keys, horizon, args.minimal, io.check)
        told = Told(args, self.way, lambda number: self.stamp((one, other)[number], number), before, after, script)
        if not told.differs:
            self._same(one, other)
            if self.way.style != "side_by_side":
                return 0
        elif args.brief:
            io.out(f"Files {quotef(one)} and {quotef(other)} differ\n")
            return 1
        if not top:
            io.out(" ".join(["diff", *map(quotef, self.args.options), quotef(one), quotef(other)]) + "\n")
        for piece in told.pieces():
            io.out(piece)
        return int(told.differs)

    def _same(self, one: str, other: str) -> int:
        if self.args.report_identical_files:
            self.io.out(f"Files {quotef(one)} and {quotef(other)} are identical\n")
        return 0

    def _key(self, line: str) -> str:
        """What of a line is compared (io.c, find_and_hash_each_line)."""
        args = self.args
        whole = line.endswith("\n")
        text = line[:-1] if whole else line
        if args.ignore_all_space:
            text, whole = re.sub(r"[ \t\v\f\r]+", "", text), True
        elif args.ignore_space_change:
            text, whole = re.sub(r"[ \t\v\f\r]+", " ", text.rstrip(" \t\v\f\r")), True
        else:
            if args.ignore_trailing_space:
                text, whole = text.rstrip(" \t\v\f\r"), True
            if args.ignore_tab_expansion:
                text = text.expandtabs(args.tabsize)
        if args.ignore_case:
            text = text.lower()
        return text if whole else text + "\0"  # a last line without its newline is another one

    def stamp(self, name: str, number: int) -> str:
        """A name and its time in the head of a context or unified difference."""
        if number < len(self.args.label):
            return str(self.args.label[number])
        files = self.io.session.files
        assert files is not None
        when = now(self.io)
        if name != "-" and self.io.session.box is not None and not name.startswith("/dev/"):
            changed = files.changed(self.io.session, name)
            when = 0.0 if changed is None else booted(self.io) + changed
        pattern = "%a %b %e %T %Y" if self.way.style == "c" else "%Y-%m-%d %H:%M:%S.%N %z"
        return f"{quotef(name)}\t{strftime(pattern, when, local_zone(self.io))}"
