"""The options of ps in its three styles: UNIX with a dash, BSD without, GNU with two.

After src/ps/parser.c and sortformat.c of procps-ng 4.0.2.

Known deviations: of the personalities those of Irix and Unix 95's -x differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.procps.ps_columns import COLUMNS, Column
from memsh.procps.ps_formats import AIX, MACROS, SHORT_SORT
from memsh.procps.reader import Exit

UNLIMITED = 131072
HELP = (
    "\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n"
    "  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n"
)
LISTS = {
    "C": ("comm", "list of command names must follow -C"),
    "G": ("rgid", "list of real groups must follow -G"),
    "U": ("ruid", "list of real users must follow -U"),
    "g": ("sess", "list of session leaders OR effective group names must follow -g"),
    "p": ("pid", "list of process IDs must follow -p"),
    "q": ("quick", "List of process IDs must follow -q."),
    "s": ("sess", "list of session IDs must follow -s"),
    "t": ("tty", "list of terminals (pty, tty...) must follow -t"),
    "u": ("euid", "list of users must follow -u"),
}
LONG_LISTS = {
    "Group": ("rgid", "list of real groups must follow --Group"),
    "User": ("ruid", "list of real users must follow --User"),
    "group": ("egid", "list of effective groups must follow --group"),
    "pid": ("pid", "list of process IDs must follow --pid"),
    "ppid": ("ppid", "list of process IDs must follow --ppid"),
    "quick-pid": ("quick", "List of process IDs must follow --quick-pid."),
    "sid": ("sess", "some sid thing(s) must follow --sid"),
    "tty": ("tty", "list of ttys must follow --tty"),
    "user": ("euid", "list of effective users must follow --user"),
}
BSD_FORMATS = {"j": "OL_j", "l": "OL_l", "s": "OL_s", "u": "OL_u", "v": "OL_v", "X": "OL_X"}
# simple_select → which processes (select_bits_setup); "a" and "x" are BSD's, "A" and "D" stand for -a and -d
SELECT_BITS = {"AD": 0x3F3F, "A": 0x0303, "D": 0x3333, "": 0x0A0A, "a": 0x0F0F, "x": 0xAAAA}


class Shown(NamedTuple):
    """A column as asked for: its heading and width may differ from the table's."""

    column: Column
    head: str
    width: int
    name: str = ""


@dataclass(slots=True)
class Request:
    """What the options asked for."""

    shown: list[Shown] = field(default_factory=list)
    lists: list[tuple[str, list[str]]] = field(default_factory=list)
    quick: list[int] = field(default_factory=list)
    everything: bool = False
    bits: int = 0
    negate: bool = False
    running: bool = False
    sort: list[tuple[str, bool]] = field(default_factory=list)
    header: bool = True
    numeric: bool = False
    cumulative: bool = False
    command_only: bool = False
    full: bool = False
    forest: str = ""
    width: int = 0
    columns_only: bool = False
    threads: str = ""  # L, T, H or m
    environment: bool = False
    every: int = 0  # lines, after which the heading comes again
    warning: str = ""


class _Wrong(Exception):
    """These options cannot be read this way."""


class Personality(NamedTuple):
    """How another system's ps reads its options: `forced` BSD, BSD's defaults, and the formats that differ."""

    forced: bool = False
    bsd: bool = False
    formats: tuple[tuple[str, str], ...] = ()


_HEADING, _NO_HEADING = regular(r"head(er|ing)s?"), regular(r"no-?head(er|ing)s?")
_FREEBSD = (("j", "FB_j"), ("l", "FB_l"), ("u", "FB_u"), ("v", "FB_v"))
_DIGITAL = (
    ("-f", "F5FMT"), ("-j", "JFMT"), ("-l", "L5FMT"), ("j", "JFMT"), ("l", "LFMT"), ("s", "SFMT"), ("u", "UFMT"),
    ("v", "VFMT"),
)  # fmt: skip
_DEBIAN = (("-f", "RD_f"), ("-j", "RD_j"), ("-l", "RD_l"))
_PLAIN = "default hp hpux irix linux posix sco sgi solaris2 svr4 sysv unix unix95 unix98 unknown"
PERSONALITIES = {
    **dict.fromkeys(_PLAIN.split(), Personality()),
    **dict.fromkeys(("390", "os390", "s390"), Personality(formats=(("-j", "J390"),))),
    "aix": Personality(formats=_FREEBSD),
    "bsd": Personality(True, True, _FREEBSD),
    "old": Personality(True, True),
    "sunos4": Personality(bsd=True, formats=_FREEBSD),
    **dict.fromkeys(("debian", "gnu"), Personality(bsd=True, formats=_DEBIAN)),
    **dict.fromkeys(("compaq", "digital", "tru64"), Personality(bsd=True, formats=_DIGITAL)),
}
DEFAULT_ROWS = 24


def parse(argv: list[str], pid_width: int, environment: Mapping[str, str]) -> Request:
    """Read the options. Raises Exit with ps' own words."""
    named = environment.get("PS_PERSONALITY") or environment.get("CMD_ENV") or "unknown"
    personality = PERSONALITIES.get(named)
    if personality is None:
        raise Exit(1, "error: environment specified an unknown personality\n" + HELP)
    if personality.forced:
        try:
            return _Parser(argv, pid_width, True, personality, environment).request
        except _Wrong as wrong:
            raise Exit(1, f"error: {wrong}\n{HELP}") from None
    try:
        return _Parser(argv, pid_width, False, personality, environment).request
    except _Wrong as first:
        try:
            return _Parser(argv, pid_width, True, personality, environment).request
        except _Wrong:
            raise Exit(1, f"error: {first}\n{HELP}") from None


class _Parser:
    def __init__(
        self, argv: list[str], pid_width: int, force_bsd: bool, personality: Personality, environment: Mapping[str, str]
    ) -> None:  # fmt: skip
        self.own_default = environment.get("PS_FORMAT") or ""
        self.personality = personality
        self.own_formats = dict(personality.formats)
        self.rows = DEFAULT_ROWS
        self.thread_letters: set[str] = set()
        self.argv = argv
        self.at = 0
        self.pid_width = pid_width
        self.force_bsd = force_bsd
        self.bsd = force_bsd or personality.bsd
        self.request = Request()
        self.formats: set[str] = set()
        self.modifiers: set[str] = set()
        self.simple: set[str] = set()
        self.wide = 0
        while self.at < len(argv):
            word = argv[self.at]
            self.at += 1
            if re.match(r"--[A-Za-z]", word):
                self._gnu(word[2:])
            elif re.match(r"-[A-Za-z]", word) and not self.force_bsd:
                self._unix(word[1:])
            elif re.match(r"-?[A-Za-z]", word):
                if force_bsd and word[0] != "-" and not personality.forced:
                    raise _Wrong("second chance parse failed, not BSD or SysV")
                self.bsd = True
                self._bsd(word.removeprefix("-"))
            elif re.match(r"[-+]?[0-9]", word):
                self.bsd = True
                self._trailing([word, *argv[self.at :]])
                self.at = len(argv)
            else:
                raise _Wrong("garbage option")
        self._choose_threads()
        self._choose_format()
        self._choose_selection()
        if self.request.every:
            self.request.every = self.rows
        if self.wide:
            self.request.width = 132 if self.wide == 1 else UNLIMITED

    def _trailing(self, words: list[str]) -> None:
        """A number, and all words behind it: processes, -N process groups, +N sessions (parse_trailing_pids)."""
        found: dict[str, list[str]] = {"pid": [], "pgrp": [], "sess": []}
        for word in words:
            kind = {"-": "pgrp", "+": "sess"}.get(word[:1], "pid")
            found[kind].append(str(_pid(word if kind == "pid" else word[1:])))
        self.request.lists += [(kind, values) for kind, values in found.items() if values]

    def _argument(self, rest: str, complaint: str) -> str:
        if rest:
            return rest
        if self.at < len(self.argv) and self.argv[self.at]:
            self.at += 1
            return self.argv[self.at - 1]
        raise _Wrong(complaint)

    def _list(self, kind: str, text: str) -> None:
        if re.match(r"[ ,\t]|$", text) or re.search(r"[ ,\t]{2}|[ ,\t]$", text):
            raise _Wrong("improper list")
        values = re.split(r"[ ,\t]", text)
        if kind in ("pid", "ppid", "pgrp", "sess", "quick"):
            values = [str(_pid(value)) for value in values]
        elif kind in ("euid", "ruid", "egid", "rgid"):
            values = [_id(value, kind) for value in values]
        elif kind == "tty":
            values = [_tty(value) for value in values]
        if kind == "quick":
            self.request.quick += [int(value) for value in values]
        else:
            self.request.lists.append((kind, values))

    def _alone(self, option: str) -> None:
        """Refuse an option that may have no others beside it."""
        if self.argv != [option]:
            raise _Wrong(f"the option is exclusive: {option.removeprefix('-') if option == '-L' else option}")

    def _unix(self, letters: str) -> None:
        request = self.request
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in LISTS:
                kind, complaint = LISTS[letter]
                self._list(kind, self._argument(letters, complaint))
                return
            if letter in "oO":
                what = "format" if letter == "o" else "format or sort"
                self._format(self._argument(letters, f"{what} specification must follow -{letter}"), letter)
                return
            if letter in "Ae":
                request.everything = True
            elif letter in "fF":
                self.formats.add("f")
                self.modifiers |= {"F"} if letter == "F" else set()
                request.full = True
            elif letter == "l":
                self.formats.add("L")
            elif letter in "jycPM":
                self.modifiers.add(letter)
            elif letter == "H":
                request.forest = "unix"
            elif letter == "N":
                request.negate = True
            elif letter in "ad":
                self.simple.add(letter.upper())
            elif letter == "w":
                self.wide += 1
            elif letter in "LTm":
                self.thread_letters.add("-" + letter)
            elif letter == "V":
                self._alone("-V")
                raise Exit(0, stdout="ps from procps-ng 4.0.2\n")
            elif letter == "x":
                raise _Wrong("must set personality to get -x option")
            else:
                raise _Wrong("unsupported SysV option")

    def _bsd(self, letters: str) -> None:
        request = self.request
        while letters:
            letter, letters = letters[0], letters[1:]
            if is_digits(letter):
                self._list("pid", letter + letters)
                return
            if letter in "oOkpqUt":
                self._bsd_argument(letter, letters)
                return
            if letter in BSD_FORMATS:
                self.formats.add(self.own_formats.get(letter, BSD_FORMATS[letter]))
            elif letter in "ax":
                self.simple.add(letter)
            elif letter == "f":
                request.forest = "bsd"
            elif letter == "h":
                request.header = False
            elif letter == "r":
                request.running = True
            elif letter == "c":
                request.command_only = True
            elif letter == "n":
                request.numeric = True
            elif letter == "S":
                request.cumulative = True
            elif letter == "w":
                self.wide += 1
            elif letter == "L":
                self._alone("-L" if self.argv == ["-L"] else "L")
                request.columns_only = True
            elif letter == "V":
                self._alone("V")
                raise Exit(0, stdout="ps from procps-ng 4.0.2\n")
            elif letter in "Hm":
                self.thread_letters.add(letter)
            elif letter == "e":
                request.environment = True
            elif letter == "Z":
                self.modifiers.add("M")
            elif letter == "T":  # this terminal: the box's processes have none
                request.lists.append(("tty", ["?"]))
            elif letter == "g":  # what a does where it is the default
                continue
            else:
                raise _Wrong("unsupported option (BSD syntax)")

    def _bsd_argument(self, letter: str, rest: str) -> None:
        words = {
            "o": "format specification must follow o",
            "O": "format or sort specification must follow O",
            "k": "long sort specification must follow 'k'",
            "p": "list of process IDs must follow p",
            "q": "List of process IDs must follow q.",
            "U": "list of users must follow U",
            "t": "list of terminals must follow t",
        }
        text = self._argument(rest, words[letter])
        if letter in "oO":
            self._format(text, letter)
        elif letter == "k":
            self._sort(text)
        else:
            self._list({"p": "pid", "q": "quick", "U": "euid", "t": "tty"}[letter], text)

    def _gnu(self, word: str) -> None:
        name, sign, rest = re.match(r"([^:=]*)([:=]?)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]
        request = self.request
        plain = "no-heading" if _NO_HEADING.fullmatch(name) else "heading" if _HEADING.fullmatch(name) else name
        if sign and plain in ("cumulative", "deselect", "forest", "heading", "no-heading"):
            raise _Wrong(f"option --{plain} does not take an argument")
        if name in LONG_LISTS:
            kind, complaint = LONG_LISTS[name]
            self._list(kind, self._argument(rest, complaint))
        elif name == "sort":
            self._sort(self._argument(rest, "long sort specification must follow --sort"))
        elif name == "format":
            self._format(self._argument(rest, "format specification must follow --format"), "o")
        elif name in ("cols", "columns", "width", "rows", "lines"):
            across = name in ("cols", "columns", "width")
            what = (
                "columns must follow --cols, --width, or --columns" if across else "rows must follow --rows or --lines"
            )
            text = self._argument(rest, f"number of {what}")
            if not is_digits(text) or not int(text):
                raise _Wrong(f"number of {what}")
            request.width = min(int(text), UNLIMITED) if across else request.width
            self.rows = self.rows if across else int(text)
        elif plain == "no-heading":
            request.header = False
        elif name == "cumulative":
            request.cumulative = True
        elif name == "deselect":
            request.negate = True
        elif name == "forest":
            request.forest = "gnu"
        elif name == "help":
            raise Exit(0, stdout=HELP)
        elif name == "version":
            self._alone("--version")
            raise Exit(0, stdout="ps from procps-ng 4.0.2\n")
        elif name == "context":
            self._format("pid,context,command", "o")
        elif plain == "heading":
            request.every = self.rows
        else:
            raise _Wrong("unknown gnu long option")

    def _column(self, name: str, head: str | None = None, width: int = 0) -> list[Shown]:
        if name in MACROS:
            return [self._column(part, head)[0] for part in MACROS[name].split(",")]
        if name not in COLUMNS:
            raise _Wrong(f'unknown user-defined format specifier "{name}"')
        column = COLUMNS[name]
        size = max(self.pid_width, len(column.head)) if column.kind == "pid" else column.width
        if head is not None:
            size = max(size, len(head))
        return [Shown(column, column.head if head is None else head, width or size, name)]

    def _aix(self, text: str) -> list[Shown]:
        """`%p %c`: one column for each letter. A text that ends in no descriptor leaves room behind the last one."""
        if text.startswith("%") and not re.fullmatch(r"(?:%[^ ] *)*%?", text.replace("%%", "%")):
            raise _Wrong("improper AIX field descriptor")
        shown = []
        for descriptor in re.findall(r"%(.?)", text):
            if descriptor in ("%", " ", ""):
                raise _Wrong("missing AIX field descriptor")
            if descriptor not in AIX:
                raise _Wrong("unknown AIX field descriptor")
            name, head = AIX[descriptor]
            shown += self._column(name, head)
        empty = Column("", lambda p, clock: "", 0, "pad")
        return [*shown, Shown(empty, "", 0)] if len(shown) > 1 else shown

    def _format(self, text: str, letter: str) -> None:
        keys = re.findall(r"([+-]?)([A-Za-z])", text)
        short = re.fullmatch(r"([+-]?[A-Za-z])+", text) is not None and all(key in SHORT_SORT for _, key in keys)
        if letter == "O" and short and text not in COLUMNS:
            for sign, key in keys:
                self.request.sort.append((SHORT_SORT[key], sign == "-"))
            return
        if "%" in text and text.startswith("%") and text.partition(",")[0] not in COLUMNS:
            self.request.shown += self._aix(text)
            return
        if re.match(r"[ ,\t\n]|$", text) or re.search(r"[ ,\t\n]{2}", text):
            raise _Wrong("improper format list" if text else "empty format list")
        items = re.split(r"[ ,\t\n]", re.sub(r"[ ,\t\n]$", "", text))
        shown = []
        for at, item in enumerate(items):
            spec, equals, head = item.partition("=")
            name, colon, size = spec.partition(":")
            if colon and not re.fullmatch(r"[1-9][0-9]*", size):
                raise _Wrong("column widths must be unsigned decimal numbers")
            if len(size) > 6 or int(size or 0) > UNLIMITED:
                raise _Wrong("fix bigness error")
            if colon and name in MACROS:
                raise _Wrong("can not set width for a macro (multi-column) format specifier")
            last = equals and at == len(items) - 1
            shown += self._column(name, head if equals else None, int(size) if colon else 0)
            if last:
                break
        if letter == "O":
            tail = "state,tname,cputime,comm" if self.bsd else "state,tname,time,command"
            shown = self._column("pid") + shown + [self._column(name)[0] for name in tail.split(",")]
        self.request.shown += shown

    def _sort(self, text: str) -> None:
        for item in text.split(","):
            name = item.lstrip("+-")
            if name not in COLUMNS:
                raise _Wrong("unknown sort specifier" if name else "improper sort list")
            self.request.sort.append((name, item.startswith("-")))

    def _choose_threads(self) -> None:
        """thread_option_check: what of -L -T -m m H goes together."""
        given, request = self.thread_letters, self.request
        if not given:
            return
        if request.forest:
            raise _Wrong("thread display conflicts with forest display")
        if "H" in given and given & {"m", "-m"}:
            raise _Wrong("thread flags conflict; can't use H with m or -m")
        if {"m", "-m"} <= given:
            raise _Wrong("thread flags conflict; can't use both m and -m")
        if {"-L", "-T"} <= given:
            raise _Wrong("thread flags conflict; can't use both -L and -T")
        request.threads = next(kind for kind in ("m", "-m", "H", "-L", "-T") if kind in given).lstrip("-")

    def _with_threads(self, names: list[str]) -> list[str]:
        """The columns of a default format with LWP or SPID behind PID."""
        for letter, added in (("-L", "lwp"), ("-T", "spid")):
            if letter in self.thread_letters and "pid" in names and added not in names:
                at = names.index("pid") + 1
                names = [*names[:at], added, *names[at:]]
        return names

    def _choose_format(self) -> None:
        request = self.request
        if request.shown:
            if self.formats:
                raise _Wrong("conflicting format options")
            if self.modifiers - {"M"}:
                raise _Wrong("can not use output modifiers with user-defined output")
            if "M" in self.modifiers:
                request.shown = self._column("label") + request.shown
            return
        if self.own_default and not self.formats and not self.modifiers:
            try:
                self._format(self.own_default, "o")
                return
            except _Wrong as wrong:
                request.warning = f"warning: $PS_FORMAT ignored. ({wrong})\n"
        named = [name for name in self.formats if name in MACROS]
        if len(named) > 1 or (named and len(self.formats) > 1):
            raise _Wrong("conflicting format options")
        names = MACROS[named[0]].split(",") if named else self._unix_columns()
        names = self._with_threads(names)
        if "M" in self.modifiers:
            names = ["label", *names]
        for name in names:
            request.shown += self._column(name)

    def _unix_columns(self) -> list[str]:
        """generate_sysv_list: the default, -f, -l and their modifiers."""
        kinds = {"f": "-f", "L": "-l"}
        for letter, named in kinds.items():
            if self.formats == {letter} and not self.modifiers - {"M"} and named in self.own_formats:
                return MACROS[self.own_formats[named]].split(",")
        if self.modifiers - {"M"} == {"j"} and not self.formats and "-j" in self.own_formats:
            return MACROS[self.own_formats["-j"]].split(",")
        long, full, modifiers = "L" in self.formats, "f" in self.formats, self.modifiers
        if "y" in modifiers and not long:
            raise _Wrong("modifier -y without format -l makes no sense")
        names = ["f"] if long and "y" not in modifiers else []
        names += ["s"] if long else []
        names += ["uid_hack"] if full else ["uid"] if long else []
        names += ["pid"] + (["ppid"] if full or long else [])
        names += ["pgid", "sid"] if "j" in modifiers else []
        names += ["lwp"] if "-L" in self.thread_letters else []
        names += ["psr"] if "P" in modifiers else []
        names += ["c"] if (full or long) and "c" not in modifiers else []
        names += ["nlwp"] if full and "-L" in self.thread_letters else []
        names += ["class", "pri"] if "c" in modifiers else ["opri", "ni"] if long else []
        if long:
            names.append("rss" if "y" in modifiers else "addr_1")
        names += ["sz"] if long or "F" in modifiers else []
        names += ["wchan"] if long else []
        if "F" in modifiers:
            names += [] if long and "y" in modifiers else ["rss"]
            names += [] if "P" in modifiers else ["psr"]
        names += ["stime"] if full else []
        names.append("tname")
        if self.bsd:
            return [*names, *([] if long else ["stat"]), "bsdtime", "cmd" if self.formats else "args"]
        return [*names, "time", "cmd" if full else "ucmd"]

    def _choose_selection(self) -> None:
        request = self.request
        if not self.simple and not self.bsd:
            return
        key = "".join(sorted(self.simple))
        if key == "ax":
            request.everything = True
            return
        if key not in SELECT_BITS:
            raise _Wrong("process selection options conflict")
        if self.simple or not request.lists:
            request.bits = SELECT_BITS[key]


def _pid(text: str) -> int:
    if not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", text):
        raise _Wrong("process ID list syntax error")
    number = int(text, 16) if text[:2].lower() == "0x" else int(text)
    if not 1 <= number <= 0x7FFFFFFF:
        raise _Wrong("process ID out of range")
    return number


def _tty(text: str) -> str:
    """A terminal by its name, as it stands in /dev; - and ? are none (parse_tty)."""
    number = r"(?:[0-9]|[1-5][0-9]|6[0-3])"
    name = text.removeprefix("/dev/")
    if name not in ("-", "?") and not re.fullmatch(rf"(?:tty)?{number}|(?:tty)?S[0-3]|tty|console|co|pts/[0-9]+", name):
        raise _Wrong("TTY could not be found")
    return text


def _id(text: str, kind: str) -> str:
    if text == "root":
        return "0"
    if not is_digits(text):
        raise _Wrong(f"{'user' if 'uid' in kind else 'group'} name does not exist")
    return text
