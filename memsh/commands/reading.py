"""Text into variables: read, mapfile (bash: builtins/read.def, mapfile.def)."""

from __future__ import annotations

import re
from errno import EISDIR
from typing import NamedTuple

from memsh.commands.printing import assign
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.errors import Late
from memsh.shell.io import Input, OuterInput, Room
from memsh.shell.limits import TEXT, TOO_LONG
from memsh.shell.quoting import quote
from memsh.shell.redirects import BAD
from memsh.shell.values import is_value, whole

TOPIC = "session"
TIMED_OUT = 142  # 128 + SIGALRM


class _TimedOut(Exception):
    """With the letters that came in time."""

    def __init__(self, letters: list[tuple[str, bool]]) -> None:
        self.letters = letters


class Wanted(NamedTuple):
    """How `read` was called."""

    raw: bool
    array: str
    delimiter: str
    most: int
    exact: bool
    timeout: int | None  # µs; None: for ever
    fd: int
    names: list[str]
    nulls: bool = False  # they are kept


def _options(words: list[str], letters: str) -> tuple[dict[str, str], list[str]]:
    """Short options, those followed by `:` in `letters` with a value: (option → value, the other words)."""
    found: dict[str, str] = {}
    place = 0
    while place < len(words) and words[place][:1] == "-" and len(words[place]) > 1:
        word = words[place]
        place += 1
        if word == "--":
            break
        at = 1
        while at < len(word):
            letter = word[at]
            known = letters.find(letter)
            if known < 0 or letter == ":":
                raise UsageError(f"-{letter}: invalid option")
            if letters[known + 1 : known + 2] != ":":
                found[letter] = ""
                at += 1
                continue
            value = word[at + 1 :]
            if not value:
                if place >= len(words):
                    raise UsageError(f"-{letter}: option requires an argument")
                value = words[place]
                place += 1
            found[letter] = value
            break
    return found, words[place:]


def _number(text: str, what: str) -> int:
    number = whole(text)
    if number is None or number < 0:
        raise ShellError(f"{text}: invalid {what}")
    return number


def _wanted(words: list[str], typed: bool) -> Wanted:
    found, names = _options(words, "ersp:a:d:n:N:t:u:i:")
    if typed and ("e" in found or "i" in found):
        raise UsageError("-e: there is no line editing here")
    timeout = found.get("t")
    if timeout is not None and not re.fullmatch(r"[0-9]*\.?[0-9]*", timeout):
        raise ShellError(f"{timeout}: invalid timeout specification")
    count = found.get("N", found.get("n", "-1"))
    delimiter = found["d"][:1] or "\0" if "d" in found else "\n"
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*(\[.+\])?", name, re.A):
            raise ShellError(f"`{name}': not a valid identifier")
    return Wanted(
        "r" in found, found.get("a", ""), "" if "N" in found else delimiter,
        int(count) if count == "-1" else _number(count, "number"), "N" in found, usec(timeout),
        _number(found.get("u", "0"), "file descriptor specification"), names,
    )  # fmt: skip


def usec(seconds: str | None) -> int | None:
    """A time as `read -t` takes it, which has been found to be one."""
    return None if seconds is None else int(float(seconds if seconds.strip(".") else 0) * 1_000_000)


def input_of(io: IO, fd: int) -> Input:
    """The stream of that number. ShellError if there is none to read from."""
    source = io.stdin if fd == 0 else io.runner.others.get(fd)
    if not isinstance(source, Input):
        raise ShellError(f"{fd}: invalid file descriptor: {BAD}")
    return source


def _record(source: Input, wanted: Wanted) -> tuple[list[tuple[str, bool]], bool]:
    """The letters of one record with whether a backslash stood before each; False if the input ended first."""
    letters: list[tuple[str, bool]] = []
    late = False
    while True:
        try:
            line = "" if late else source.readline()
        except Late:
            line, late = source.begun_line(), True
        if not line:
            if late:
                raise _TimedOut(letters)
            return letters, wanted.most == 0
        at = 0
        while at < len(line):
            if 0 <= wanted.most <= len(letters):
                source.unread(line[at:])
                return letters, True
            char = line[at]
            at += 1
            if char == "\\" and not wanted.raw:
                following = line[at : at + 1]
                at += 1
                if following and following != "\n":
                    letters.append((following, True))
                continue
            if char == wanted.delimiter:
                if at < len(line):
                    source.unread(line[at:])
                return letters, True
            if char != "\0" or wanted.nulls:
                letters.append((char, False))
        if len(letters) > TEXT:
            raise ShellError(TOO_LONG)
        if 0 <= wanted.most <= len(letters):
            return letters, True


def _fields(letters: list[tuple[str, bool]], ifs: str, most: int) -> list[str]:
    """At most `most` fields (0: all); the last takes what is left, without the blanks at its end."""
    blanks = [char for char in ifs if char in " \t\n"]
    fields: list[str] = []
    at, size = 0, len(letters)

    def skip() -> None:
        nonlocal at
        while at < size and not letters[at][1] and letters[at][0] in blanks:
            at += 1

    skip()
    while at < size:
        if most and len(fields) == most - 1:
            fields.append(_rest(letters[at:], ifs, blanks))
            break
        begun = at
        while at < size and (letters[at][1] or letters[at][0] not in ifs):
            at += 1
        fields.append("".join(char for char, _ in letters[begun:at]))
        skip()
        if at < size and not letters[at][1] and letters[at][0] in ifs:  # one sign ends a field, blanks around it or not
            at += 1
            skip()
    return fields


def _rest(letters: list[tuple[str, bool]], ifs: str, blanks: list[str]) -> str:
    """The last field: all that is left; where that is one field, without the separator that ends it."""
    end = len(letters)
    while end and not letters[end - 1][1] and letters[end - 1][0] in blanks:
        end -= 1
    if end and not letters[end - 1][1] and letters[end - 1][0] in ifs and letters[end - 1][0] not in blanks:
        before = end - 1
        while before and not letters[before - 1][1] and letters[before - 1][0] in blanks:
            before -= 1
        if all(escaped or char not in ifs for char, escaped in letters[:before]):
            end = before
    return "".join(char for char, _ in letters[:end])


def _shell_is_meant(words: list[str], script: bool) -> bool:
    return not words or not is_value(words[0])


@command(
    rest("words", raw=True, meta="[-r] [-a ARRAY] [-d C] [-n N] [-p TEXT] [-t SECONDS] [-u FD] [NAME"), topic=TOPIC,
    needs_box=False, shell=True, shared=_shell_is_meant,
)  # fmt: skip
def read(box: object, args: Args, io: IO) -> int:
    """read a line into variables

    echo a b | { read x y; echo $y; }

    Followed by an address it reads memory. -r leaves backslashes alone, -a fills an array, -d C reads up to C, -n N at
    most N letters, -N N exactly so many, -u FD from another stream, -t SECONDS waits so long by the box's clock (status
    142 when that is over); without a name REPLY takes the line.
    """
    wanted = _wanted(args.words, io.is_tty and not io.language.frames)
    source, language = input_of(io, wanted.fd), io.language
    if wanted.timeout == 0:
        return int(not _is_ready(source))
    timeout = wanted.timeout
    if timeout is None and re.fullmatch(r"[0-9]+", language.get("TMOUT") or ""):
        timeout = usec(language.get("TMOUT")) or None
    if timeout is not None and isinstance(source, OuterInput) and io.session.at_prompt:
        raise UsageError("-t: the box's clock stands still while you type")
    timed_out = False
    source.limit(timeout)
    try:
        letters, whole = _record(source, wanted)
    except _TimedOut as end:
        letters, whole, timed_out = end.letters, False, True
    finally:
        source.limit(None)
    if wanted.array:
        ifs = language.get("IFS")
        found = _fields(letters, " \t\n" if ifs is None else ifs, 0)
        language.set_array(wanted.array, [(None, text) for text in found])
    elif not wanted.names or wanted.exact:
        text = "".join(char for char, _ in letters)
        for number, name in enumerate(wanted.names or ["REPLY"]):
            assign(io, name, text if not number else "")
    else:
        ifs = language.get("IFS")
        found = _fields(letters, " \t\n" if ifs is None else ifs, len(wanted.names))
        for number, name in enumerate(wanted.names):
            assign(io, name, found[number] if number < len(found) else "")
    return TIMED_OUT if timed_out else int(not whole or (wanted.exact and len(letters) < wanted.most))


def _is_ready(source: Input) -> bool:
    """`read -t 0`: whether reading would not have to wait."""
    source.limit(0)
    try:
        source.unread(source.readline())
    except Late:
        begun = source.begun_line()
        if begun:
            source.unread(begun)
        return bool(begun)
    finally:
        source.limit(None)
    return True


def _mapfile(args: Args, io: IO) -> int:
    found, names = _options(args.words, "tn:s:O:u:d:C:c:")
    each = _number(found.get("c", "5000"), "callback quantum")
    if not each:
        raise ShellError(f"{found['c']}: invalid callback quantum")
    name = names[0] if names else "MAPFILE"
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.A):
        raise ShellError(f"`{name}': not a valid identifier")
    source = input_of(io, _number(found.get("u", "0"), "file descriptor"))
    most, skip = _number(found.get("n", "0"), "line count"), _number(found.get("s", "0"), "line count")
    delimiter = found["d"][:1] or "\0" if "d" in found else "\n"
    language = io.language
    if "O" not in found:
        language.set_array(name, [])
    place, room, done = _number(found.get("O", "0"), "array origin"), Room(), 0
    wanted = Wanted(True, "", delimiter, -1, False, None, 0, [], True)
    while not most or done < most + skip:
        io.check()
        try:
            letters, whole = _record(source, wanted)
        except OSError as error:
            if error.errno != EISDIR:
                raise
            break  # without a word, as in bash
        if not whole and not letters:
            break
        done += 1
        if done <= skip:
            continue
        ends = "" if "t" in found or not whole or delimiter == "\0" else delimiter
        text = ("".join(char for char, _ in letters) + ends).partition("\0")[0]
        room.take(text)
        if "C" in found and not (done - skip) % each:
            io.runner.run_text(f"{found['C']} {place} {quote(text)}")
        language.set_element(name, str(place), text)
        place += 1
    return 0


@command(
    rest("words", raw=True, meta="[-t] [-n N] [-s N] [-O N] [-u FD] [-d C] [ARRAY"), topic=TOPIC, needs_box=False,
    shell=True,
)  # fmt: skip
def mapfile(box: object, args: Args, io: IO) -> int:
    """read lines into an array

    mapfile -t rows < /proc/buddyinfo; echo ${#rows[@]}

    -t leaves out the newlines, -n N reads at most N lines, -s N skips N, -O N begins at index N; -C COMMAND runs after
    each -c N lines, with index and line behind it.
    """
    return _mapfile(args, io)


@command(rest("words", raw=True, meta="[-t] [-n N] [-s N] [ARRAY"), topic=TOPIC, needs_box=False, shell=True)
def readarray(box: object, args: Args, io: IO) -> int:
    """the same as mapfile

    readarray -t rows < /proc/swaps; echo ${rows[0]}
    """
    return _mapfile(args, io)
