"""xargs: commands from words of standard input (GNU findutils 4.9's xargs.c).

Known deviations: -P is accepted and the commands still run one after the other; nobody can be asked (-p); a status of
129 to 192 is taken for a signal's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Input
from memsh.shell.limits import TEXT, TOO_LONG
from memsh.shell.programs import refusal, refused_status
from memsh.shell.registry import Converter
from memsh.textutils.quoting import C_ESCAPES
from memsh.textutils.sources import Sources, records
from memsh.textutils.utility import Misused, last_typed, option, utility

_NSIG = 64
LONGEST = 131072  # characters of one command, where -s does not say
_BLANK = " \t"


def _at_least(letter: str, least: int = 1) -> Converter:
    def convert(word: str) -> int:
        if not is_digits(word.lstrip("-")):
            raise Misused(f"invalid number \"{word}\" for -{letter} option")
        if int(word) < least:
            raise Misused(f"value {word} for -{letter} option should be >= {least}")
        return int(word)

    return convert


def _delimiter(word: str) -> str:
    known = {**C_ESCAPES, "0": "\0", "\\": "\\"}
    if len(word) == 1:
        return word
    if len(word) == 2 and word[0] == "\\" and word[1] in known:
        return known[word[1]]
    raise ValueError(f"Invalid input delimiter specification {word}: the delimiter must be either a single character "
                     "or an escape sequence starting with \\.")  # fmt: skip


@utility(
    option("-0", "--null", help="words end in NUL"), option("-a", "--arg-file", type=str, meta="FILE"),
    option("-d", "--delimiter", type=_delimiter, meta="C", help="words end at C"),
    option("-E", type=str, name="eof", meta="WORD", help="the word that ends the input"),
    option("-e", "--eof", type=str, name="eof", optional="", meta="WORD"),
    option("-I", type=str, name="replace", meta="R", help="once a line, put in the place of R"),
    option("-i", "--replace", type=str, name="replace", optional="{}", meta="R"),
    option("-L", type=_at_least("L"), name="lines_of", meta="N", help="at most N lines a call"),
    option("-l", "--max-lines", type=_at_least("l"), name="max_lines", optional=1, meta="N"),
    option("-n", "--max-args", type=_at_least("n"), meta="N", help="at most N words a call"),
    option("-o", "--open-tty"), option("-P", "--max-procs", type=_at_least("P", 0), meta="N"),
    option("-p", "--interactive"), option("-r", "--no-run-if-empty", help="not without words"),
    option("-s", "--max-chars", type=_at_least("s"), meta="N", help="at most N characters a call"),
    option("-t", "--verbose", help="tell each call"), option("-x", "--exit", help="end where a call is too long"),
    rest("words", meta="COMMAND [WORD", words="command"),
    option("--process-slot-var", type=str, meta="NAME", help="a variable for which of -P's places a command has"),
    option("--show-limits", lacks="a command line has no limits of the system's here"),
    usage="[OPTION]... COMMAND [INITIAL-ARGS]...", in_order=True,
)  # fmt: skip
def xargs(box: object, args: Args, io: IO) -> int:
    """run a command with words from standard input

    pgrep a.out | xargs -n 1 pmap

    Status 123 if a command failed, 124 if one ended with 255, 125 if a signal ended one, 126 if it cannot be run, 127
    if there is no such command.
    """
    if args.interactive or args.open_tty:
        raise ShellError("failed to open /dev/tty for reading: No such device or address")
    if args.arg_file is not None:
        source = Sources(io, [], "Cannot open input file '{name}': {why}").open(args.arg_file)
        if source is None:
            return 1
    else:
        source = io.stdin
    words: list[str] = list(args.words) or ["echo"]
    why = refusal(io.session, words[0])
    if why:
        io.complain(f"{words[0]}: {why}")
        return refused_status(why)
    return _Calls(args, io, words).run(_entries(args, source))


def _entries(args: Args, source: Input) -> Iterator[tuple[str, bool]]:
    """The words of the input, each with whether it ends a line."""
    if kind := last_typed(args, "null", "delimiter"):
        delimiter = "\0" if kind == "null" else args.delimiter
        for piece in records(source, delimiter):
            yield piece, True
        return
    end = args.eof or None
    for word, ends in _quoted(source, whole_lines=args.replace is not None):
        if end is not None and word == end:
            return
        yield word, ends


def _quoted(source: Input, whole_lines: bool) -> Iterator[tuple[str, bool]]:
    """Words between blanks; quotes and backslashes keep them together. With `whole_lines` a line is one word."""
    word: list[str] | None = None
    held: list[str] = []
    escaped = False
    for line in source:
        quote = ""
        for char in line:
            if escaped:
                word = [*(word or []), char]
                escaped = False
            elif quote:
                if char == "\n":
                    for one in held:
                        yield one, False
                    raise _unmatched(quote)
                if char == quote:
                    quote = ""
                else:
                    assert word is not None
                    word.append(char)
            elif char == "\\":
                escaped = True
            elif char in "'\"":
                quote, word = char, word or []
            elif char == "\n":
                if word is not None:
                    held.append("".join(word))
                word = None
                goes_on = not whole_lines and line.endswith((" \n", "\t\n")) and bool(held)
                for at, one in enumerate(held, 1):
                    yield one, at == len(held) and not goes_on
                held.clear()
            elif char in _BLANK and (word is None or not whole_lines):
                if word is not None:
                    held.append("".join(word))
                word = None
            else:
                word = word or []
                word.append(char)
                if len(word) > LONGEST:
                    raise ShellError("argument line too long", 1)
        if quote:
            for one in held:
                yield one, False
            raise _unmatched(quote)
    if word is not None:
        held.append("".join(word))
    for at, one in enumerate(held, 1):
        yield one, at == len(held)


def _unmatched(quote: str) -> ShellError:
    kind = "double" if quote == '"' else "single"
    return ShellError(f"unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option")


class _Calls:
    """Gathers words and runs the command with them."""

    def __init__(self, args: Args, io: IO, words: list[str]) -> None:
        self.args = args
        self.io = io
        self.words = words
        self.status = 0
        self.longest = args.max_chars or LONGEST
        self.base = sum(len(word) + 1 for word in words)
        limits = [(name, value) for name, value in args.typed
                  if name in ("max_args", "max_lines", "lines_of", "replace")]  # fmt: skip
        self._warn(limits)
        last = limits[-1] if limits else ("", None)
        both = last == ("max_args", 1)  # `-I {} -n 1` is -I {}
        self.place = args.replace if last[0] == "replace" or both else None
        self.most = last[1] if last[0] == "max_args" else None
        self.lines = last[1] if last[0] in ("max_lines", "lines_of") else None

    def _warn(self, limits: list[tuple[str, int | str]]) -> None:
        """Of -n, -L and -I the last counts; what it puts aside is told, but for `-I {} -n 1`."""
        shown = {"max_args": "--max-args/-n", "max_lines": "--max-lines/-l", "lines_of": "-L",
                 "replace": "--replace/-I/-i"}  # fmt: skip
        for (before, _), (now, value) in pairwise(limits):
            if before != now and (before, now, value) != ("replace", "max_args", 1):
                name = "--" + before.replace("lines_of", "max_lines").replace("_", "-")
                self.io.complain(f"warning: options {name} and {shown[now]} are mutually exclusive, "
                                 f"ignoring previous {name} value")  # fmt: skip

    def run(self, entries: Iterator[tuple[str, bool]]) -> int:
        if self.place is not None:
            for word, _ in entries:
                if word and not self._call([one.replace(self.place, word) for one in self.words]):
                    return self.status
            return self.status
        held: list[str] = []
        size, lines, ran = self.base, 0, False
        while True:
            try:
                found = next(entries, None)
            except ShellError:  # what was read before the fault is used
                if held:
                    self._call(self.words + held)
                raise
            if found is None:
                break
            word, ends = found
            cost = len(word) + 1
            if size + cost > self.longest:
                if not held or (self.args.exit and (self.most or self.lines)):
                    raise ShellError("argument line too long")
                ran = True
                if not self._call(self.words + held):
                    return self.status
                held, size, lines = [], self.base, 0
                if size + cost > self.longest:
                    raise ShellError("argument line too long")
            held.append(word)
            size += cost
            lines += ends
            if len(held) == self.most or (self.lines is not None and lines >= self.lines and ends):
                ran = True
                if not self._call(self.words + held):
                    return self.status
                held, size, lines = [], self.base, 0
        if held or not (ran or self.args.no_run_if_empty):
            self._call(self.words + held)
        return self.status

    def _call(self, words: list[str]) -> bool:
        """Run one command; False if that ends xargs."""
        io = self.io
        io.check()
        if sum(map(len, words)) > TEXT:
            raise ShellError(TOO_LONG)
        if self.args.verbose:
            io.err(" ".join(words) + "\n")
        slot = self.args.process_slot_var
        ended = io.run(["env", f"{slot}=0", *words] if slot else words, Input())
        if ended == 255:
            io.complain(f"{words[0]}: exited with status 255; aborting")
            self.status = 124
            return False
        if 128 < ended <= 128 + _NSIG:
            io.complain(f"{words[0]}: terminated by signal {ended - 128}")
            self.status = 125
            return False
        if ended:
            self.status = 123
        return True
