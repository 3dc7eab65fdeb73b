"""Text into variables: read, mapfile (bash: builtins/read.def, mapfile.def)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from errno import EISDIR
from typing import NamedTuple

from memsh.commands.printing import assign
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.errors import Late
from memsh.shell.io import Input, OuterInput, Room
from memsh.shell.quoting import quote
from memsh.shell.redirects import BAD
from memsh.shell.values import is_value, whole

TOPIC = "session"
TIMED_OUT = 142  # 128 + SIGALRM


class Letters(NamedTuple):
    """What is read of a record; `kept`: the places of the letters that a backslash stood before."""

    text: str
    kept: set[int]

    def blank(self, at: int, blanks: str) -> bool:
        """Whether the letter there is one of these, and no backslash stood before it."""
        return self.text[at] in blanks and at not in self.kept


class _TimedOut(Exception):
    """With the letters that came in time."""

    def __init__(self, letters: Letters) -> None:
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


def _record(io: IO, source: Input, wanted: Wanted) -> tuple[Letters, bool]:
    """The letters of one record; False if the input ended first."""
    marks = wanted.delimiter + ("" if wanted.raw else "\\") + ("" if wanted.nulls else "\0")
    mark = re.compile(f"[{re.escape(marks)}]" if marks else "(?!)")
    parts: list[str] = []
    size, kept, late, room = 0, set[int](), False, Room()
    while True:
        io.check()
        try:
            line = "" if late else source.readline()
        except Late:
            line, late = source.begun_line(), True
        if not line:
            if late:
                raise _TimedOut(Letters("".join(parts), kept))
            return Letters("".join(parts), kept), wanted.most == 0
        at = 0
        while at < len(line):
            if 0 <= wanted.most <= size:
                break
            most = at + wanted.most - size if wanted.most >= 0 else len(line)
            found = mark.search(line, at, most)
            text = line[at : found.start() if found is not None else most]
            at += len(text)
            if found is not None:
                char = found[0]
                at += 1
                if char == "\\" and not wanted.raw:
                    following = line[at : at + 1].replace("\n", "")
                    at += 1
                    if following:
                        kept.add(size + len(text))
                    text += following
                elif char == wanted.delimiter:
                    if at < len(line):
                        source.unread(line[at:])
                    return Letters("".join([*parts, text]), kept), True
            if text:
                room.take(text)
                parts.append(text)
                size += len(text)
        if 0 <= wanted.most <= size:
            if at < len(line):
                source.unread(line[at:])
            return Letters("".join(parts), kept), True


def _fields(io: IO, letters: Letters, most: int) -> list[str]:
    """At most `most` fields (0: all); the last takes what is left, without the blanks at its end."""
    ifs = io.language.get("IFS")
    if ifs is None:
        ifs = " \t\n"
    with io.looking():  # there may be many
        return list(_split(letters, ifs, most))


def _split(letters: Letters, ifs: str, most: int) -> Iterator[str]:
    blanks = "".join(char for char in ifs if char in " \t\n")
    at, size, done, room = 0, len(letters.text), 0, Room()

    def skip(at: int) -> int:
        while at < size and letters.blank(at, blanks):
            at += 1
        return at

    at = skip(at)
    while at < size:
        if most and done == most - 1:
            yield _rest(letters, at, ifs, blanks)
            return
        begun = at
        while at < size and not letters.blank(at, ifs):
            at += 1
        field = letters.text[begun:at]
        room.take(field)
        yield field
        done += 1
        at = skip(at)
        if at < size and letters.blank(at, ifs):  # one sign ends a field, blanks around it or not
            at = skip(at + 1)


def _rest(letters: Letters, begun: int, ifs: str, blanks: str) -> str:
    """The last field: all from there on; where that is one field, without the separator that ends it."""
    end = len(letters.text)
    while end > begun and letters.blank(end - 1, blanks):
        end -= 1
    if end > begun and letters.blank(end - 1, ifs) and letters.text[end - 1] not in blanks:
        before = end - 1
        while before > begun and letters.blank(before - 1, blanks):
            before -= 1
        if not any(letters.blank(at, ifs) for at in range(begun, before)):
            return letters.text[begun:before]
    if any(letters.blank(at, ifs) for at in range(begun, end)):  # several: blanks at the end go, escaped ones too
        while end > begun and letters.text[end - 1] in blanks:
            end -= 1
    return letters.text[begun:end]


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
        letters, whole = _record(io, source, wanted)
    except _TimedOut as end:
        letters, whole, timed_out = end.letters, False, True
    finally:
        source.limit(None)
    if wanted.array:
        found = _fields(io, letters, 0)
        language.set_array(wanted.array, [(None, text) for text in found])
    elif not wanted.names or wanted.exact:
        for number, name in enumerate(wanted.names or ["REPLY"]):
            assign(io, name, letters.text if not number else "")
    else:
        found = _fields(io, letters, len(wanted.names))
        for number, name in enumerate(wanted.names):
            assign(io, name, found[number] if number < len(found) else "")
    return TIMED_OUT if timed_out else int(not whole or (wanted.exact and len(letters.text) < wanted.most))


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
        try:
            letters, whole = _record(io, source, wanted)
        except OSError as error:
            if error.errno != EISDIR:
                raise
            break  # without a word, as in bash
        if not whole and not letters.text:
            break
        done += 1
        if done <= skip:
            continue
        ends = "" if "t" in found or not whole or delimiter == "\0" else delimiter
        text = (letters.text + ends).partition("\0")[0]
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
