"""ls, as GNU coreutils 9.1 prints it in the C locale.

Known deviations: one user, who needs no groups' names; no SELinux contexts, no access lists; a recorded tree has no
modes, links or times of its own.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cmp_to_key
from typing import NamedTuple

from memsh.commands.blocks import Unit, block_size, unit_of
from memsh.commands.facts import Facts, lstat
from memsh.commands.paths import listdir, stat_kind
from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.sortkeys import version_compare
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import option, utility

TOPIC = "files"
_HALF_A_YEAR = 31556952 // 2
_MARKS = {"dir": "/", "link": "@", "fifo": "|"}
_COLORS = {"dir": "01;34", "link": "01;36", "block": "40;33;01", "char": "40;33;01", "fifo": "40;33"}
_PLAIN = regular(r"[A-Za-z0-9%+,./:@_^{}-][A-Za-z0-9%+,./:=@_^{}~#-]*")
_STYLES = ("full-iso", "long-iso", "iso", "locale")


class Entry(NamedTuple):
    """A name that is listed, where it lies, and what it stands for."""

    name: str
    path: str
    facts: Facts


_TIMES = (("atime", "access", "use"), ("ctime", "status"), ("birth", "creation"))
_MARKED = (("none",), ("slash",), ("file-type",), ("classify",))
_FORMS = (("verbose", "long"), ("commas",), ("horizontal", "across"), ("vertical",), ("single-column",))
_QUOTING = (("literal",), ("shell",), ("shell-always",), ("shell-escape",), ("shell-escape-always",), ("c",),
            ("c-maybe",), ("escape",), ("locale",), ("clocale",))  # fmt: skip
_SORTS = (("none",), ("time",), ("size",), ("extension",), ("version",), ("width",), ("name",))
_WHEN = (("always", "yes", "force"), ("never", "no", "none"), ("auto", "tty", "if-tty"))


def _word_of(what: str, known: tuple[tuple[str, ...], ...]) -> Callable[[str], str]:
    """A converter to the first word of a row that has the typed one, which may be cut short (argmatch)."""

    def convert(word: str) -> str:
        found = {row[0] for row in known if any(one.startswith(word) for one in row)}
        exact = [row[0] for row in known if word in row]
        if exact or len(found) == 1:
            return exact[0] if exact else found.pop()
        lines = "".join(f"\n  - {', '.join(map(repr, row))}" for row in known if row != ("name",))
        kind = "ambiguous" if found else "invalid"
        raise ShellError(f"{kind} argument '{word}' for '{what}'\nValid arguments are:{lines}\n"
                         "Try 'ls --help' for more information.", 1)  # fmt: skip

    return convert


def _style(word: str) -> str:
    if word.startswith("+") or word in _STYLES:
        return word
    raise ValueError(f"invalid argument '{word}' for 'time style'")


def _columns(word: str) -> int:
    if not is_digits(word):
        raise ValueError(f"invalid line width: '{word}'")
    return min(int(word[:6]), 65536)


@utility(
    option("-a", "--all", help="names that begin with a dot too"), option("-A", "--almost-all", help="but . and .."),
    option("-B", "--ignore-backups"), option("-c", name="ctime", help="time of last change"),
    option("-C", name="down", help="columns"), option("-d", "--directory", help="a directory itself"),
    option("-b", "--escape"), option("--author", help="as -l, whose owner it is"),
    option("--block-size", type=block_size("--block-size"), meta="SIZE"),
    option("-f", name="raw", help="as they lie there"),
    option("-F", name="classify_letter", help="/ @ * behind names"),
    option("--classify", type=_word_of("--classify", _WHEN), meta="WHEN", optional="always"),
    option("--file-type", help="/ @ behind names"), option("--format", type=_word_of("--format", _FORMS), meta="WORD"),
    option("--hide", type=str, many=True, meta="GLOB"), option("-I", "--ignore", type=str, many=True, meta="GLOB"),
    option("--indicator-style", type=_word_of("--indicator-style", _MARKED), meta="WORD"),
    option("--quoting-style", type=_word_of("--quoting-style", _QUOTING), meta="WORD"),
    option("--show-control-chars"), option("--si"), option("--zero", help="lines end in NUL"),
    option("--time", type=_word_of("--time", _TIMES), name="which_time", meta="WORD"),
    option("-T", "--tabsize", type=_columns, default=8, meta="COLS"),
    option("-g", name="no_owner"), option("-G", "--no-group"), option("--group-directories-first"),
    option("-h", "--human-readable", help="sizes for people"), option("-H", "--dereference-command-line"),
    option("-i", "--inode"), option("-k", "--kibibytes"), option("-l", name="long", help="one a line, with all"),
    option("-L", "--dereference", help="where links lead"), option("-m", name="commas"),
    option("-n", "--numeric-uid-gid"), option("-N", "--literal"), option("-o", name="without_group"),
    option("-p", name="slashes", help="/ behind directories"), option("-q", "--hide-control-chars"),
    option("-Q", "--quote-name"), option("-r", "--reverse"), option("-R", "--recursive", help="all below"),
    option("-s", "--size", help="blocks of each"), option("-S", name="by_size", help="largest first"),
    option("-t", name="by_time", help="newest first"), option("-u", name="atime"), option("-U", name="unsorted"),
    option("-v", name="by_version", help="numbers in names by their value"), option("-x", name="across"),
    option("-X", name="by_extension"), option("-1", name="single", help="one a line"), option("--full-time"),
    option("--sort", type=_word_of("--sort", _SORTS), meta="WORD"),
    option("--time-style", type=_style, meta="STYLE"), option("-w", "--width", type=_columns, meta="COLS"),
    option("--color", type=_word_of("--color", _WHEN), meta="WHEN", optional="always"),
    option("-D", "--dired", lacks="places for Emacs are not told here"),
    option("--hyperlink", type=str, optional="", lacks="names are no links to click on here"),
    option("-Z", "--context", lacks="there is no SELinux here"),
    rest("files", words="path"), trouble=2, topic=TOPIC,
)  # fmt: skip
def ls(box: object, args: Args, io: IO) -> int:
    """list files

    ls -l /proc/self/fd
    """
    return _Listing(args, io).run(args.files or ["."])


class _Listing:
    """One run of ls: how names are ordered and printed, and what it answers."""

    def __init__(self, args: Args, io: IO) -> None:
        self.args = args
        self.io = io
        self.status = 0
        self.printed = False
        self.aligned = False
        self.form = self._form()
        self.long = self.form == "long"
        self.order = self._order()
        self.end = "\0" if args.zero else "\n"
        self.unit, self.sizes = unit_of(args, Unit()), unit_of(args, Unit(1))
        if args.kibibytes and not (args.human_readable or args.si or args.block_size):
            self.sizes = Unit(1)
        self.marks = self._marks()
        self.quoting = self._quoting()
        self.colored = args.color == "always" or (args.color == "auto" and io.is_tty)
        self.coloring = False  # a colour has been printed
        self.time_style = "full-iso" if args.full_time else args.time_style or "locale"
        self.now, self.zone = now(io), local_zone(io)
        self.boot = booted(io)

    def _marks(self) -> str:
        """What is put behind names: the last that was asked for."""
        marks = ""
        for name, value in self.args.typed:
            if name == "indicator_style":
                marks = "" if value == "none" else value
            elif name in ("slashes", "file_type", "classify_letter", "classify"):
                marks = {"slashes": "slash", "file_type": "file-type"}.get(name, "classify")
                if value == "never" or (value == "auto" and not self.io.is_tty):
                    marks = ""
        return marks

    def _quoting(self) -> str:
        style = "shell-escape" if self.io.is_tty else "literal"
        for name, value in self.args.typed:
            named = {"literal": "literal", "quote_name": "c", "escape": "escape", "quoting_style": value}
            style = named.get(name, style)
        return style

    def _form(self) -> str:
        """The last form that was asked for counts; -1 takes nothing from -l."""
        form = "down" if self.io.is_tty else "single"
        for name, value in self.args.typed:
            if name in ("long", "no_owner", "numeric_uid_gid", "without_group", "full_time"):
                form = "long"
            elif name == "format":
                form = {"verbose": "long", "horizontal": "across", "vertical": "down", "single-column": "single"}.get(
                    value, value)  # fmt: skip
            elif name == "zero" and form != "long":
                form = "single"
            elif name in ("down", "across", "commas") or (name == "single" and form != "long"):
                form = name
        return form

    def _order(self) -> str:
        words = {"by_size": "size", "by_time": "time", "by_version": "version", "by_extension": "extension",
                 "unsorted": "none", "raw": "none"}  # fmt: skip
        order = ""
        for name, value in self.args.typed:
            order = value if name == "sort" else words.get(name, order)
        if not order and (self.args.ctime or self.args.atime or self.args.which_time) and not self.long:
            return "time"
        return order or "name"

    def run(self, names: list[str]) -> int:
        args = self.args
        plain: list[Entry] = []
        folders: list[Entry] = []
        for name in names:
            follow = args.dereference or args.dereference_command_line
            entry = self._entry(name, name, follow, 2)
            if entry is None:
                continue
            led = entry.facts.kind == "link" and stat_kind(self.io.session, name) == "dir"
            if led and not (args.directory or self.long or self.marks == "classify" or follow):
                entry = Entry(name, name, lstat(self.io.session, name, True))
            (folders if entry.facts.kind == "dir" and not args.directory else plain).append(entry)
        self._show(self._sorted(plain), folders)
        for folder in self._sorted(folders):
            self._folder(folder.path, args.recursive or len(names) > 1)
        return self.status

    def _entry(self, name: str, path: str, follow: bool, trouble: int) -> Entry | None:
        try:
            facts = lstat(self.io.session, path, follow)
            if self.long and facts.kind == "link" and not facts.target:
                self.io.complain(f"cannot read symbolic link '{path}': No such file or directory")
                self.status = max(self.status, trouble)
            return Entry(name, path, facts)
        except OSError as error:
            self.io.complain(f"cannot access '{path}': {error.strerror}")
            self.status = max(self.status, trouble)
            return None

    def _folder(self, path: str, headed: bool) -> None:
        args, io = self.args, self.io
        io.check()
        try:
            names = listdir(io.session, path)
        except OSError as error:
            io.complain(f"cannot open directory '{path}': {error.strerror}")
            self.status = max(self.status, 1)
            return
        if headed:
            io.out(f"{chr(10) if self.printed else ''}{self._quoted(path)}:\n")
            self.printed = True
        hidden = args.all or args.raw
        if not hidden and not args.almost_all:
            names = [name for name in names if name[0] != "."]
        unwanted = [*args.ignore, *(["*~", ".*~"] if args.ignore_backups else [])]
        unwanted += [] if hidden or args.almost_all else args.hide
        names = [name for name in names if not any(_fits(name, glob) for glob in unwanted)]
        found: list[Entry] = []
        for name in [".", "..", *names] if hidden else names:
            entry = self._entry(name, posixpath.join(path, name), args.dereference, 1)
            if entry is not None:
                found.append(entry)
        found = self._sorted(found)
        if self.long or args.size:
            io.out(f"total {self._blocks(sum(entry.facts.blocks for entry in found))}{self.end}")
            self.printed = True
        self._show(found)
        if args.recursive:
            for entry in found:
                if entry.facts.kind == "dir" and entry.name not in (".", ".."):
                    self._folder(entry.path, True)

    def _sorted(self, entries: list[Entry]) -> list[Entry]:
        if self.order != "none":
            by_version = cmp_to_key(version_compare)
            keys: dict[str, Callable[[Entry], object]] = {
                "name": lambda entry: _bytes(entry.name),
                "size": lambda entry: (-entry.facts.size, _bytes(entry.name)),
                "time": lambda entry: (-self._when(entry.facts), _bytes(entry.name)),
                "width": lambda entry: (len(entry.name), _bytes(entry.name)),
                "version": lambda entry: by_version(entry.name),
                "extension": lambda entry: (_bytes(posixpath.splitext(entry.name)[1]), _bytes(entry.name)),
            }
            entries = sorted(entries, key=keys[self.order], reverse=self.args.reverse)  # type: ignore[arg-type]
        if self.args.group_directories_first:
            entries = sorted(entries, key=lambda entry: entry.facts.kind != "dir")
        return entries

    def _show(self, entries: list[Entry], others: list[Entry] | None = None) -> None:
        """Print entries; `others` stand elsewhere, but columns are as wide as they need, too."""
        among = [*entries, *(others or [])]
        if not entries:
            return
        self.printed = True
        io = self.io
        self.aligned = any(self._quoted(entry.name) != entry.name for entry in entries) and self._escapes()
        if self.long:
            for line in self._long_lines(entries, among):
                io.out(line)
            return
        blocks = [self._before(entry, among) for entry in entries]
        cells = [before + self._name(entry) for before, entry in zip(blocks, entries, strict=True)]
        if self.form == "single":
            for cell in cells:
                io.out(cell + self.end)
            return
        widths = [len(before) + len(self._plain(entry)) for before, entry in zip(blocks, entries, strict=True)]
        room = io.width if self.args.width is None else self.args.width or 1 << 16
        if self.form == "commas":
            _with_commas(io, cells, widths, room)
        else:
            tabs = not (io.is_tty or self.colored or self.args.width == 0)
            _in_columns(io, cells, widths, room, self.form == "across", self.args.tabsize if tabs else 0)

    def _before(self, entry: Entry, entries: list[Entry]) -> str:
        """The inode number and the blocks that -i and -s put before a name, as wide as the widest."""
        shown = ""
        if self.args.inode:
            shown += f"{entry.facts.inode:>{max(len(str(one.facts.inode)) for one in entries)}} "
        if self.args.size:
            wide = max(len(self._blocks(one.facts.blocks)) for one in entries)
            shown += f"{self._blocks(entry.facts.blocks):>{wide}} "
        return shown

    def _blocks(self, blocks: int) -> str:
        return self.unit.shown(blocks * 512)

    def _escapes(self) -> bool:
        """Whether names are quoted for the shell only where they need it; the others then stand one blank in."""
        return self.io.is_tty and self.quoting == "shell-escape" and self.form in ("long", "down", "across")

    def _quoted(self, name: str) -> str:
        args, style = self.args, self.quoting
        hides = args.hide_control_chars or (self.io.is_tty and not args.show_control_chars)
        if hides and style in ("literal", "shell", "shell-always"):
            name = "".join(letter if letter.isprintable() else "?" for letter in name)
        if style == "literal" or (style in ("shell", "shell-escape") and _PLAIN.fullmatch(name)):
            return name
        if style in ("shell", "shell-always"):
            if "'" in name and not set(name) & set('"$`\\!'):
                return f'"{name}"'
            return "'" + name.replace("'", "'\\''") + "'"
        if style.startswith("shell"):
            shown = quotef(name)
            return f"'{name}'" if shown == name else shown
        shown = quote(name)[1:-1].replace("\\'", "'")
        if style == "escape":
            return shown.replace(" ", "\\ ")
        if style == "locale":
            return quote(name)
        shown = shown.replace('"', '\\"')
        return shown if style == "c-maybe" and shown == name else f'"{shown}"'

    def _mark(self, facts: Facts) -> str:
        if self.marks in ("classify", "file-type"):
            runs = self.marks == "classify" and facts.kind == "file" and facts.mode & 0o111
            return _MARKS.get(facts.kind) or ("*" if runs else "")
        return "/" if self.marks == "slash" and facts.kind == "dir" else ""

    def _plain(self, entry: Entry) -> str:
        return self._indent(entry.name) + self._quoted(entry.name) + self._mark(entry.facts)

    def _indent(self, name: str) -> str:
        return " " if self.aligned and self._quoted(name) == name else ""

    def _name(self, entry: Entry) -> str:
        shown = self._quoted(entry.name)
        if self.colored:
            facts = entry.facts
            color = _COLORS.get(facts.kind) or ("01;32" if facts.mode & 0o111 else "")
            if color:
                lead, self.coloring = "" if self.coloring else "\x1b[0m", True
                shown = f"{lead}\x1b[{color}m{shown}\x1b[0m"
        mark = "" if self.long and entry.facts.kind == "link" else self._mark(entry.facts)
        return self._indent(entry.name) + shown + mark

    def _when(self, facts: Facts) -> float:
        return self.now if facts.seconds is None else self.boot + facts.seconds

    def _time(self, facts: Facts) -> str:
        when, style = self._when(facts), self.time_style
        recent = self.now - _HALF_A_YEAR < when <= self.now
        if style[0] == "+":
            older, _, newer = style[1:].partition("\n")
            return strftime(newer or older if recent else older, when, self.zone)
        if style == "full-iso":
            return strftime("%Y-%m-%d %H:%M:%S.%N %z", when, self.zone)
        if style == "long-iso":
            return strftime("%Y-%m-%d %H:%M", when, self.zone)
        if style == "iso":
            return strftime("%m-%d %H:%M" if recent else "%Y-%m-%d ", when, self.zone)
        return strftime("%b %e %H:%M" if recent else "%b %e  %Y", when, self.zone)

    def _long_lines(self, entries: list[Entry], among: list[Entry]) -> Iterator[str]:
        """`-rw-r--r-- 1 root root 203 Nov 22 08:48 fstab`, each column as wide as its widest."""
        args = self.args
        links = max(len(str(entry.facts.links)) for entry in among)
        sizes = [self._size(entry.facts) for entry in among]
        devices = [size for size in sizes if "," in size]
        major = max((len(size.partition(",")[0]) for size in devices), default=0)
        minor = max((len(size.partition(",")[2]) for size in devices), default=0)
        plain = max((len(size) for size in sizes if "," not in size), default=0)
        wide = max(plain, major + 2 + minor if devices else 0)
        columns = [] if args.no_owner else ["user"]
        columns += [] if args.no_group or args.without_group else ["group"]
        columns += ["user"] if args.author else []
        widths = [max(len(self._who(entry.facts, which).strip()) for entry in among) for which in columns]
        for entry, size in zip(entries, sizes, strict=False):
            facts = entry.facts
            if "," in size:
                first, _, second = size.partition(",")
                size = f"{first:>{wide - 2 - minor}}, {second:>{minor}}"
            owners = [self._who(facts, which, width) for which, width in zip(columns, widths, strict=True)]
            parts = [facts.bits(), f"{facts.links:>{links}}", *owners, f"{size:>{wide}}", self._time(facts)]
            target = f" -> {self._quoted(facts.target)}" if facts.kind == "link" and facts.target else ""
            yield f"{self._before(entry, among)}{' '.join(parts)} {self._name(entry)}{target}{self.end}"

    def _who(self, facts: Facts, which: str, width: int = 0) -> str:
        """The owner or the group; numbers stand at the right edge of their column."""
        name, number = (facts.user, facts.uid) if which == "user" else (facts.group, facts.gid)
        return str(number).rjust(width) if self.args.numeric_uid_gid or not name else name.ljust(width)

    def _size(self, facts: Facts) -> str:
        if facts.kind in ("block", "char"):
            return f"{facts.rdev[0]},{facts.rdev[1]}"
        return self.sizes.shown(facts.size)


def _fits(name: str, glob: str) -> bool:
    """fnmatch, where a wildcard does not stand for a dot at the begin."""
    return fnmatchcase(name, glob) and (name[:1] != "." or glob[:1] in (".", "\\"))


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _with_commas(io: IO, cells: list[str], widths: list[int], room: int) -> None:
    at = 0
    for serial, (cell, wide) in enumerate(zip(cells, widths, strict=True)):
        if serial:
            fits = at + wide + 2 < room
            io.out(", " if fits else ",\n")
            at = at + 2 if fits else 0
        io.out(cell)
        at += wide
    io.out("\n")


def _gap(at: int, to: int, tabs: int) -> str:
    """Blanks from column `at` to `to`, with tabs (every `tabs` columns, 0 for none) where one saves some (indent)."""
    gap = ""
    while at < to:
        tab = bool(tabs) and to // tabs > (at + 1) // tabs
        gap += "\t" if tab else " "
        at += tabs - at % tabs if tab else 1
    return gap


def _in_columns(io: IO, cells: list[str], widths: list[int], room: int, across: bool, tabs: int) -> None:
    """As many columns as fit, each as wide as its widest name and two blanks (calculate_columns)."""
    count = len(cells)
    for columns in range(min(count, max(1, room // 3)), 0, -1):
        rows = -(-count // columns)
        place = [at % columns if across else at // rows for at in range(count)]
        columns = max(place) + 1
        wide = [0] * columns
        for at, column in enumerate(place):
            wide[column] = max(wide[column], widths[at] + (0 if column == columns - 1 else 2))
        if sum(wide) < room or columns == 1:
            break
    for row in range(rows):
        chosen = range(row * columns, min(count, (row + 1) * columns)) if across else range(row, count, rows)
        line, at, here = "", 0, 0
        for serial, index in enumerate(chosen):
            line += _gap(here, at, tabs) + cells[index]
            here = at + widths[index]
            at += wide[serial]
        io.out(line + "\n")
