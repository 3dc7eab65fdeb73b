"""The comparison of files and folders that `diff` makes (GNU diffutils 3.8: src/diff.c, analyze.c, io.c).

Known deviations: no pages (-l), no --palette.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Capture, Room
from memsh.shell.quoting import quote_if_needed
from memsh.shell.registry import Converter, Param
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.diffformats import KINDS, completed, ifdef_formats
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.regexp import RegexpError, compiled
from memsh.textutils.shellout import run_line
from memsh.textutils.sources import Sources
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import Body, Refusal, Utility, last_typed, option

if TYPE_CHECKING:
    from memsh.textutils.hunks import Way

TROUBLE = 2
_STYLES = ("normal", "c", "u", "ed", "forward_ed", "rcs", "side_by_side")
_LINE_KINDS = ("unchanged", "old", "new")


def _context(word: str) -> int:
    if not is_digits(word):
        raise ValueError(f"invalid context length {quote(word)}")
    return int(word[:18])


def _colour(word: str) -> str:
    if word not in ("auto", "always", "never"):
        raise ValueError(f"invalid color {quote(word)}")
    return word


def _positive(what: str, most: int) -> Converter:
    """A converter: a number from 1 up, `most` if it is larger."""

    def convert(word: str) -> int:
        if not is_digits(word) or not int(word[:18]) > 0:
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
    option("-L", "--label", type=str, many=True, meta="LABEL"), option("-t", "--expand-tabs"),
    option("-f", "--forward-ed", help="as -e, from the first line on"), option("-H", "--speed-large-files"),
    option("-D", "--ifdef", type=str, meta="NAME", help="one text for the C preprocessor"),
    *(option(f"--{kind}-group-format", type=str, meta="FORMAT") for kind in KINDS),
    *(option(f"--{kind}-line-format", type=str, meta="FORMAT") for kind in _LINE_KINDS),
    option("--line-format", type=str, meta="FORMAT"),
    option("--color", type=_colour, optional="auto", meta="WHEN"),
    option("--palette", type=str, lacks="the colours are always the same here"),
    option("-l", "--paginate", lacks="there are no pages here"), option("--binary"), option("-v", name="version"),
    option("--from-file", type=str, meta="FILE", help="compare it with each"),
    option("--to-file", type=str, meta="FILE", help="compare each with it"),
    option("-X", "--exclude-from", type=str, many=True, meta="FILE"),
    option("-S", "--starting-file", type=str, meta="FILE", help="begin there in folders"),
    option("--no-dereference", help="links themselves"), option("--ignore-file-name-case"),
    option("--no-ignore-file-name-case"),
    option("-T", "--initial-tab"), option("--tabsize", type=_positive("tabsize", 4096), default=8, meta="N"),
    option("--suppress-blank-empty"), option("-r", "--recursive", help="folders within folders"),
    option("-N", "--new-file", help="a file that is missing is empty"), option("-P", "--unidirectional-new-file"),
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
    if args.from_file is not None and args.to_file is not None:
        raise args.refused("--from-file and --to-file both specified")
    if len(args.label) > 2:
        raise ShellError("too many file label options", TROUBLE)
    one = _Comparison(io, args)
    if args.from_file is not None:
        return max((one.two(args.from_file, name, True) for name in args.files), default=0)
    if args.to_file is not None:
        return max((one.two(name, args.to_file, True) for name in args.files), default=0)
    if len(args.files) < 2:
        raise args.refused(f"missing operand after {quote((['diff', *args.files])[-1])}")
    if len(args.files) > 2:
        raise args.refused(f"extra operand {quote(args.files[2])}")
    return one.two(args.files[0], args.files[1], True)


def _formats(args: Args) -> tuple[dict[str, str], dict[str, str]] | None:
    """The formats of groups and lines; None where none is given."""
    groups: dict[str, str] = ifdef_formats(args.ifdef) if args.ifdef is not None else {}
    lines: dict[str, str] = {}
    for kind in KINDS:
        if (pattern := getattr(args, f"{kind}_group_format")) is not None:
            groups[kind] = pattern
    for kind in _LINE_KINDS:
        pattern = getattr(args, f"{kind}_line_format")
        pattern = args.line_format if pattern is None else pattern
        if pattern is not None:
            lines[kind] = pattern
    if args.ifdef is not None:
        lines = {kind: lines.get(kind, "%l\n") for kind in _LINE_KINDS}
    return completed(groups, lines) if groups or lines else None


def _way(args: Args) -> Way:
    from memsh.textutils.hunks import Way  # start-up: 2 ms, for differences alone

    named = {"context": "c", "context_of": "c", "unified": "u", "unified_of": "u"}
    styles = [named.get(name, name) for name, _ in args.typed if named.get(name, name) in _STYLES]
    if len(set(styles)) > 1:
        raise args.refused("conflicting output style options")
    formats = _formats(args)
    if formats is not None:
        if styles and styles[0] != "normal":
            raise args.refused("conflicting output style options")
        styles = ["ifdef"]
    style = styles[0] if styles else "c" if args.show_c_function or args.show_function_line else "normal"
    context = max([value for name, value in args.typed if name in named] or [3 if style in "cu" else 0])
    if args.lines is not None and style in "cu":
        context = args.lines
    try:
        function = args.show_function_line or ("^[[:alpha:]$_]" if args.show_c_function else "")
        return Way(style, context, compiled(function) if function else None,
                   tuple(compiled(text) for text in args.ignore_matching_lines), formats)  # fmt: skip
    except RegexpError as error:
        wrong = args.show_function_line or args.ignore_matching_lines[-1]
        raise ShellError(f"{wrong}: {error.message}", TROUBLE) from None


class _Comparison:
    """One call of diff."""

    def __init__(self, io: IO, args: Args) -> None:
        self.io, self.args = io, args
        self.way = _way(args)
        wanted = args.color == "always" or (args.color == "auto" and io.color)
        self.colours = wanted and self.way.style in ("normal", "c", "u", "side_by_side")
        self.excluded = list(args.exclude)
        for name in args.exclude_from:
            self.excluded += [line for line in Sources(io, [name]).bare_lines() if line]
        last = last_typed(args, "ignore_file_name_case", "no_ignore_file_name_case")
        self.folds = last == "ignore_file_name_case"
        self.starting: str | None = args.starting_file

    def two(self, one: str, other: str, top: bool) -> int:
        """Compare two files or folders."""
        files = self.io.session.files
        assert files is not None
        session = self.io.session
        silent = not (self.args.no_dereference or self.args.report_identical_files or "-" in (one, other))
        if silent and self.way.style not in ("side_by_side", "ifdef") and files.same(session, one, other):
            return 0
        if self.args.no_dereference and any(files.test(session, "h", name) for name in (one, other)):
            return self._links(one, other)
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

    def _links(self, one: str, other: str) -> int:
        """--no-dereference: at least one of the two is a link."""
        files, session = self.io.session.files, self.io.session
        assert files is not None
        kinds = ["symbolic link" if files.test(session, "h", name) else "directory" if files.test(session, "d", name)
                 else "regular empty file" if not files.test(session, "s", name) else "regular file"
                 for name in (one, other)]  # fmt: skip
        if kinds[0] == kinds[1]:
            targets = [self._target(name) for name in (one, other)]
            if targets[0] == targets[1]:
                return self._same(one, other)
            self.io.out(f"Symbolic links {quotef(one)} and {quotef(other)} differ\n")
            return 1
        self.io.out(f"File {quotef(one)} is a {kinds[0]} while file {quotef(other)} is a {kinds[1]}\n")
        return 1

    def _target(self, name: str) -> str:
        """Where a link leads."""
        kept = Capture()
        run_line(self.io, f"readlink -n -- {quote_if_needed(name)}", sink=kept)
        return kept.text()

    def _folders(self, one: str, other: str) -> int:
        files = self.io.session.files
        assert files is not None
        names = []
        for name in (one, other):
            found = files.listdir(self.io.session, name)
            names.append({entry for entry in found if entry not in (".", "..")
                          and not any(fnmatchcase(entry, glob) for glob in self.excluded)})  # fmt: skip
        status = 0
        for name, partner in self._pairs(names[0], names[1]):
            self.io.check()
            a, b = f"{one.rstrip('/')}/{name}", f"{other.rstrip('/')}/{partner}"
            missing = (name not in names[0], partner not in names[1])
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

    def _pairs(self, ones: set[str], others: set[str]) -> list[tuple[str, str]]:
        """The names in two folders side by side; with --ignore-file-name-case `A` is `a` where there is no other."""
        start, self.starting = self.starting, None  # it counts at the top only
        partners = {name: name for name in ones | others}
        if self.folds:
            for name in ones - others:
                found = [other for other in others - ones if other.lower() == name.lower()]
                if found:
                    partners[name] = min(found)
                    partners.pop(min(found), None)
        order = sorted(partners, key=lambda name: name.encode("utf-8", "surrogateescape"))
        return [(name, partners[name]) for name in order if start is None or name >= start]

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
        if before == after and self.way.style not in ("side_by_side", "ifdef"):
            return self._same(one, other)
        if not args.text and any("\0" in line for text in (before, after) for line in text):
            if before == after:
                return self._same(one, other)
            kind = "Files" if args.brief else "Binary files"
            io.out(f"{kind} {quotef(one)} and {quotef(other)} differ\n")
            return 1 if args.brief or self.way.style in ("normal", "c", "u", "side_by_side", "ifdef") else TROUBLE
        if args.strip_trailing_cr:
            before, after = ([re.sub(r"\r\n\Z", "\n", line) for line in text] for text in (before, after))
        if self.way.style in ("ed", "forward_ed") and not args.brief:
            cut = [name for name, text in ((one, before), (other, after)) if text and not text[-1].endswith("\n")]
            for name in cut:
                io.complain(f"{name}: No newline at end of file\n")
            if cut:
                return TROUBLE
        horizon = max(args.horizon_lines, self.way.context)
        from memsh.textutils.comparing import changes  # start-up: 2 ms, for differences alone
        from memsh.textutils.hunks import Told  # start-up: the same

        with io.looking():
            keys = [self._key(line) for line in before], [self._key(line) for line in after]
            script = changes(before, after, keys, horizon, args.minimal, io.check)
        told = Told(args, self.way, lambda number: self.stamp((one, other)[number], number), before, after, script)
        if not told.differs:
            self._same(one, other)
            if self.way.style not in ("side_by_side", "ifdef"):
                return 0
        elif args.brief:
            io.out(f"Files {quotef(one)} and {quotef(other)} differ\n")
            return 1
        if not top:
            io.out(" ".join(["diff", *map(quotef, self.args.options), quotef(one), quotef(other)]) + "\n")
        for piece in told.coloured() if self.colours else told.pieces():
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
