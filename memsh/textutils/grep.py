"""grep, egrep, fgrep (GNU grep 3.8's grep.c).

Known deviation: the names of -r come in alphabetical order.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import Any

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.grepcolours import Colours
from memsh.textutils.regexp import Regexp, joined, perl
from memsh.textutils.sources import Sources, pieces
from memsh.textutils.utility import last_typed, one_of, option, utility

TROUBLE = 2
PEEK = 32768  # characters of a named file that are looked at for NUL
_WHEN = ("always", "yes", "force", "never", "no", "none", "auto", "tty", "if-tty")


def _context(word: str) -> int:
    if not is_digits(word):
        raise ValueError(f"{word}: invalid context length argument")
    return min(int(word.lstrip("0")[:20] or 0), sys.maxsize)  # as much as there is


def _count(word: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", word):
        raise ValueError("invalid max count")
    return int(word)


def _when(word: str) -> str:
    if word not in _WHEN:
        raise ValueError(f"invalid argument '{word}' for '--color'")
    return word


def _known(what: str, *words: str) -> Callable[[str], str]:
    def convert(word: str) -> str:
        if word not in words:
            raise ValueError(f"unknown {what}")
        return word

    return convert


def _old_context(words: list[str]) -> list[str]:
    """`grep -3` is -C 3, but not where -3 is what another option is given."""
    made: list[str] = []
    for word in words:
        given = bool(made) and re.fullmatch("-[a-zA-Z]*[efmdDABC]", made[-1]) is not None
        made.append(f"-C{word[1:]}" if re.fullmatch(r"-[0-9]+", word) and not given else word)
    return made


OPTIONS = (
    option("-E", "--extended-regexp", help="extended expressions"), option("-F", "--fixed-strings", help="plain text"),
    option("-G", "--basic-regexp", help="basic expressions"), option("-P", "--perl-regexp", help="Perl's expressions"),
    option("-e", "--regexp", type=str, many=True, meta="PATTERNS", help="a pattern"),
    option("-f", "--file", type=str, many=True, meta="FILE", help="patterns from a file"),
    option("-i", "-y", "--ignore-case", help="letters in either case"), option("--no-ignore-case"),
    option("-w", "--word-regexp", help="whole words"), option("-x", "--line-regexp", help="whole lines"),
    option("-z", "--null-data", help="lines end in NUL"), option("-s", "--no-messages", help="quiet on missing files"),
    option("-v", "--invert-match", help="lines that do not match"),
    option("-m", "--max-count", type=_count, meta="N", help="stop after N lines"),
    option("-b", "--byte-offset", help="with the place in the file"), option("-n", "--line-number", help="numbered"),
    option("--line-buffered"), option("-H", "--with-filename", help="with file names"),
    option("-h", "--no-filename", help="without file names"), option("--label", type=str, meta="LABEL"),
    option("-o", "--only-matching", help="only what matched"),
    option("-q", "--quiet", "--silent", name="quiet", help="only the status"),
    option("--binary-files", type=_known("binary-files type", "binary", "text", "without-match"),
           meta="TYPE"), option("-a", "--text", help="NUL or not, it is text"),
    option("-I", name="skip_binary", help="nothing in files with NUL"),
    option("-d", "--directories", type=one_of("--directories", "read", "recurse", "skip"), meta="ACTION"),
    option("-D", "--devices", type=_known("devices method", "read", "skip"), meta="ACTION"),
    option("-r", "--recursive", help="all files below"), option("-R", "--dereference-recursive", help="the same"),
    option("--include", type=str, many=True, meta="GLOB"), option("--exclude", type=str, many=True, meta="GLOB"),
    option("--exclude-from", type=str, many=True, meta="FILE"),
    option("--exclude-dir", type=str, many=True, meta="GLOB"),
    option("-L", "--files-without-match", help="names of files without"),
    option("-l", "--files-with-matches", help="names of files with"), option("-c", "--count", help="count them"),
    option("-T", "--initial-tab"), option("-u", "--unix-byte-offsets"), option("-V", name="version"),
    option("-Z", "--null", help="NUL behind file names"),
    option("-B", "--before-context", type=_context, meta="N", help="N lines before"),
    option("-A", "--after-context", type=_context, meta="N", help="N lines after"),
    option("-C", "--context", type=_context, meta="N", help="N lines around"),
    option("--group-separator", type=str, meta="SEP"), option("--no-group-separator"), option("-U", "--binary"),
    option("--color", "--colour", type=_when, optional="auto", name="colour", meta="WHEN"),
    rest("words", meta="PATTERNS [FILE", words="path"),
)  # fmt: skip
_MATCHERS = {
    "extended_regexp": "egrep", "fixed_strings": "fixed", "basic_regexp": "basic", "perl_regexp": "perl",
}  # fmt: skip
_USAGE = "[OPTION]... PATTERNS [FILE]..."


@utility(*OPTIONS, usage=_USAGE, trouble=TROUBLE, usage_line=True, rewrite=_old_context)
def grep(box: object, args: Args, io: IO) -> int:
    """lines that match a pattern

    grep -i free /proc/meminfo

    Status 0 if a line matched, 1 if none did, 2 after an error.
    """
    return Grep(args, io, "").run()


@utility(*OPTIONS, usage=_USAGE, trouble=TROUBLE, usage_line=True, rewrite=_old_context)
def egrep(box: object, args: Args, io: IO) -> int:
    """grep -E

    egrep '^(Mem|Swap)' /proc/meminfo
    """
    return Grep(args, io, "egrep").run()


@utility(*OPTIONS, usage=_USAGE, trouble=TROUBLE, usage_line=True, rewrite=_old_context)
def fgrep(box: object, args: Args, io: IO) -> int:
    """grep -F

    fgrep '(file)' /proc/meminfo
    """
    return Grep(args, io, "fixed").run()


class Grep:
    """One run: what it looks for, and how it prints what it finds."""

    def __init__(self, args: Args, io: IO, dialect: str) -> None:
        self.args = args
        self.io = io
        names: list[str] = list(args.words)
        patterns = self._patterns(names)
        asked = {_MATCHERS[name] for name, _ in args.typed if name in _MATCHERS} | ({dialect} if dialect else set())
        if len(asked) > 1:
            raise ShellError("conflicting matchers specified", TROUBLE)
        dialect = asked.pop() if asked else "basic"
        coloured = args.colour in ("always", "yes", "force") or (args.colour is not None and io.color)
        coloured = coloured and args.colour not in ("never", "no", "none")
        self.colours = Colours(io.session.variables.get("GREP_COLORS", "")) if coloured else None
        with io.looking():  # there may be many
            self.finder = self._finder(patterns, dialect)
            if self.finder is not None and (args.only_matching or self.colours):
                self.finder.search("")
        for warning in self.finder.warnings if self.finder is not None else ():
            io.complain(f"warning: {warning}")
        self.recursive = args.recursive or args.dereference_recursive or args.directories == "recurse"
        self.links_stay = not args.dereference_recursive  # links among what -r finds are not followed
        self.names = names or (["."] if self.recursive else ["-"])
        self.bare = not names and self.recursive  # names are shown without ./
        named = len(names) > 1 or (self.recursive and any(self._folder(name) is not None for name in self.names))
        wish = last_typed(args, "with_filename", "no_filename")
        self.named = wish == "with_filename" if wish else named
        self.end = "\0" if args.null_data else "\n"
        usual = args.context or 0
        self.before = usual if args.before_context is None else args.before_context
        self.after = usual if args.after_context is None else args.after_context
        self.around = args.context is not None or args.before_context is not None or args.after_context is not None
        self.lists = args.files_with_matches or args.files_without_match
        self.silent = args.quiet or self.lists or args.count
        self.most = args.max_count if args.max_count is not None and args.max_count >= 0 else None
        self.sources = Sources(io, [])
        self.chosen = self._chosen()
        self.matched = self.failed = self.printed = False
        self.width = 0  # of numbers, with -T: as many digits as the file's size has

    def _chosen(self) -> list[tuple[bool, list[str]]]:
        """(whether they include, globs): what --include and --exclude name, in the order they were typed; those of one
        kind that follow each other stand together (gnulib's exclude.c)."""
        chosen: list[tuple[bool, list[str]]] = []
        for option_name, value in self.args.typed:
            if option_name not in ("include", "exclude", "exclude_from"):
                continue
            globs = [value]
            if option_name == "exclude_from":
                source = self.sources.open(value)
                if source is None:
                    raise ShellError("", TROUBLE)
                globs = [line.strip() for line in source if line.strip()]
            if not chosen or chosen[-1][0] != (option_name == "include"):
                chosen.append((option_name == "include", []))
            chosen[-1][1].extend(globs)
        return chosen

    def _patterns(self, names: list[str]) -> list[str]:
        args, found = self.args, []
        if args.unix_byte_offsets:
            self.io.complain("warning: --unix-byte-offsets (-u) is obsolete")
        for name, value in args.typed:
            if name == "regexp":
                found += value.split("\n")
            elif name == "file":
                source = Sources(self.io, []).open(value)
                if source is None:
                    raise ShellError("", TROUBLE)
                found += [line.removesuffix("\n") for line in source]
        if not args.regexp and not args.file:
            if not names:
                raise args.refused("")
            found = names.pop(0).split("\n")
        return found

    def _finder(self, patterns: list[str], dialect: str) -> Regexp | None:
        args = self.args
        around = r"\A(?:{})\Z" if args.line_regexp else r"(?<!\w)(?:{})(?!\w)" if args.word_regexp else "{}"
        ignore = args.ignore_case and not args.no_ignore_case
        if not patterns:
            return None
        if dialect == "perl":
            return perl("|".join(patterns), ignore, around)
        return joined(list(dict.fromkeys(patterns)), dialect, ignore, around)

    # files

    def run(self) -> int:
        args = self.args
        if args.max_count == 0:
            return 1
        for name in self.names:
            self._operand(name)
            if self.matched and args.quiet:
                return 0
        if self.failed:
            return TROUBLE
        return int(not self.matched)

    def _operand(self, name: str) -> None:
        if name == "-":
            self._file(self.args.label or "(standard input)", self.io.stdin)
            return
        folder = self._folder(name)
        if folder is None:
            if self._wanted(_tails(name)):
                self._open(name)
        elif self.recursive:
            if any(fnmatchcase(tail, glob.rstrip("/")) for tail in _tails(name) for glob in self.args.exclude_dir):
                return
            self._below(name, folder)
        elif self.args.directories != "skip":
            self._trouble(name, "Is a directory")

    def _folder(self, name: str) -> list[str] | None:
        """The names in a directory; None if it is none."""
        files = self.io.session.files
        assert files is not None
        try:
            return files.listdir(self.io.session, name)
        except OSError:
            return None

    def _below(self, folder: str, names: list[str]) -> None:
        args, files = self.args, self.io.session.files
        assert files is not None
        for name in names:
            self.io.check()
            if self.matched and args.quiet:
                return
            path = name if self.bare and folder == "." else f"{folder.rstrip('/')}/{name}"
            if self.links_stay and files.test(self.io.session, "h", path):
                continue
            inner = self._folder(path)
            if inner is not None:
                if not any(fnmatchcase(name, glob.rstrip("/")) for glob in args.exclude_dir):
                    self._below(path, inner)
            elif self._wanted([name]):
                self._open(path)

    def _wanted(self, names: list[str]) -> bool:
        """Whether a file that has these names is looked at: the last group of globs that fits says so; if none
        does, the first one says the opposite of what it is for."""
        for include, globs in reversed(self.chosen):
            if any(fnmatchcase(name, glob) for name in names for glob in globs):
                return include
        return not self.chosen or not self.chosen[0][0]

    def _open(self, name: str) -> None:
        files = self.io.session.files
        assert files is not None
        try:
            source = files.open_read(self.io.session, name)
        except OSError as error:
            self._trouble(name, error.strerror or str(error))
            return
        try:
            self._file(name, source)
        except OSError as error:
            self._trouble(name, error.strerror or str(error))

    def _trouble(self, name: str, why: str) -> None:
        self.failed = True
        if not self.args.no_messages:
            self.io.complain(f"{name}: {why}")

    # one file

    def _file(self, name: str, source: Any) -> None:
        args, io = self.args, self.io
        lines: Iterator[str] = iter(source) if self.end == "\n" else pieces(source, self.end)
        if args.initial_tab:
            self.width = 19 if source.size is None else len(str(source.size + bool(args.line_number)))
        text = args.text or args.null_data or args.binary_files == "text"
        binary = False
        if not text and name != "(standard input)":
            lines, binary = _peeked(lines)
        if binary and (args.skip_binary or args.binary_files == "without-match"):
            return
        found = self._lines(name, lines, binary, text)
        if found:
            self.matched = True
        if args.quiet:
            return
        if (args.files_with_matches and found) or (args.files_without_match and not found):
            io.out(self._name(name) + ("\0" if args.null else "\n"))
        elif args.count and not self.lists:
            io.out((self._label(name, ":") if self.named else "") + f"{found}\n")

    def _selected(self) -> Callable[[str], object]:
        if self.finder is None:
            return (lambda line: True) if self.args.invert_match else (lambda line: False)
        test = self.finder.test
        return (lambda line: test(line) is None) if self.args.invert_match else test

    def _lines(self, name: str, lines: Iterable[str], binary: bool, text: bool) -> int:
        """The selected lines, printed as asked; answers how many."""
        selected, check, end, most = self._selected(), self.io.check, self.end, self.most
        found = owed = last = offset = 0
        held: deque[tuple[int, int, str]] = deque(maxlen=self.before)
        quick = not (self.silent or self.around or self.colours or self.args.byte_offset)
        for number, line in enumerate(lines, 1):
            if not number % 64:
                check()
            bare = line[:-1] if line.endswith(end) else line
            if selected(bare):
                found += 1
                if self.args.quiet or self.lists:
                    return found
                if not self.silent:
                    if binary or (not text and "\0" in bare):
                        self.io.complain(f"{name}: binary file matches")
                        return found
                    if self.around:
                        self._before(name, held, number, last)
                    self._print(name, number, offset, bare, ":")
                    last, owed = number, self.after
                if found == most:
                    self._trailing(name, lines, number, owed)
                    break
            elif not quick and not self.silent:
                if owed:
                    self._print(name, number, offset, bare, "-")
                    owed, last = owed - 1, number
                elif self.before:
                    held.append((number, offset, bare))
            if self.args.byte_offset:
                offset += len(line.encode("utf-8", "surrogateescape"))
        return found

    def _before(self, name: str, held: deque[tuple[int, int, str]], number: int, last: int) -> None:
        if self.printed and (not last or number - len(held) > last + 1) and not self.args.no_group_separator:
            mark = "--" if self.args.group_separator is None else self.args.group_separator
            self.io.out(self._painted("se", mark) + "\n")
        for at, offset, text in held:
            self._print(name, at, offset, text, "-")
        held.clear()

    def _trailing(self, name: str, lines: Iterable[str], number: int, owed: int) -> None:
        """The context behind the last line that -m allows."""
        if self.silent or not owed:
            return
        for at, line in enumerate(islice(lines, owed), number + 1):
            self._print(name, at, 0, line.removesuffix(self.end), "-")

    # printing

    def _name(self, name: str) -> str:
        return self._painted("fn", name)

    def _label(self, name: str, mark: str) -> str:
        if self.args.null:
            return self._name(name) + "\0"
        return self._name(name) + self._painted("se", mark)

    def _head(self, name: str, number: int, offset: int, mark: str, filled: bool) -> str:
        args = self.args
        shown = self._painted("se", mark)
        head = self._label(name, mark) if self.named else ""
        for wanted, style, count in ((args.line_number, "ln", number), (args.byte_offset, "bn", offset)):
            if wanted:
                head += self._painted(style, str(count).rjust(self.width)) + shown
        return head + "\t" if args.initial_tab and head and filled else head

    def _print(self, name: str, number: int, offset: int, text: str, mark: str) -> None:
        args = self.args
        self.printed = True
        if args.only_matching:
            if mark == ":" and not args.invert_match and self.finder is not None:
                for match in self.finder.finditer(text):
                    if match[0]:
                        at = offset + len(text[: match.start()].encode("utf-8", "surrogateescape"))
                        self.io.out(self._head(name, number, at, mark, True) + self._painted("ms", match[0]) + self.end)
            return
        if self.colours is not None:
            text = self._coloured(self.colours, text, mark == ":")
        self.io.out(self._head(name, number, offset, mark, bool(text)) + text + self.end)

    def _painted(self, style: str, text: str) -> str:
        return self.colours.paint(style, text) if self.colours is not None else text

    def _coloured(self, colours: Colours, text: str, selected: bool) -> str:
        inverted = self.args.invert_match
        pieces, place = [], 0
        if selected is not inverted and self.finder is not None:
            for match in self.finder.finditer(text):
                if match[0]:
                    pieces.append((text[place : match.start()], match[0]))
                    place = match.end()
        return colours.line(pieces, text[place:], selected, inverted)


def _peeked(lines: Iterator[str]) -> tuple[Iterator[str], bool]:
    """The lines again, and whether their first part holds a NUL."""
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= PEEK:
            break
    return chain(held, lines), any("\0" in line for line in held)


def _tails(name: str) -> list[str]:
    """The name of an operand, and what stands behind each of its slashes."""
    return [name, *(name[match.end() :] for match in re.finditer("/+(?=.)", name))]
