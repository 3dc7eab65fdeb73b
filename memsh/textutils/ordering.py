"""sort: lines in order, by keys (GNU coreutils 9.1's sort.c)."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Callable, Iterator
from functools import cmp_to_key
from itertools import pairwise
from operator import itemgetter
from typing import Any

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.randomness import Randomness
from memsh.textutils.sources import Sources, named_files
from memsh.textutils.utility import one_of, option, utility

TROUBLE = 2
RUN = 1 << 16  # lines sorted between two looks for Ctrl-C
_NUMBER = regular(r"[ \t\n]*(-?)([0-9]*)(?:\.([0-9]*))?")
_GENERAL = regular(
    r"[ \t\n\v\f\r]*([-+]?(?:0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|inf|nan))", re.IGNORECASE
)  # fmt: skip
_SUFFIXES = "KMGTPEZYRQ"
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_POSITION = regular(r"([0-9]*)(?:\.([0-9]*))?([a-zA-Z]*)")
_VERSION_SUFFIX = regular(r"(?:\.[A-Za-z~][A-Za-z0-9~]*)*\Z")
_ORDERS = "bdfgiMhnRrV"
_BY = one_of("--sort", "general-numeric", "human-numeric", "month", "numeric", "random", "version")


def numeric_key(text: str) -> Any:
    """-n: the number that a text begins with, exactly."""
    match = _NUMBER.match(text)
    assert match is not None
    minus, whole, fraction = match.groups()
    if len(whole) + len(fraction or "") > 15:
        from decimal import Decimal  # start-up: 2 ms

        value: Any = Decimal(f"{whole or 0}.{fraction or 0}")
    else:
        value = float(f"{whole or 0}.{fraction or 0}")
    return -value if minus else value


def general_key(text: str) -> tuple[int, float]:
    """-g: what is no number before NaN, and that before all numbers."""
    match = _GENERAL.match(text)
    if match is None:
        return (0, 0.0)
    word = match[1].lower()
    value = float(int(word, 16)) if "0x" in word else float(word)
    return (1, 0.0) if value != value else (2, value)


def human_key(text: str) -> tuple[int, Any]:
    """-h: 2K after 1023, by the suffix first."""
    match = _NUMBER.match(text)
    assert match is not None
    value = numeric_key(text)
    suffix = text[match.end() : match.end() + 1]
    order = _SUFFIXES.find(suffix.upper()) + 1 if suffix and (suffix.upper() == suffix or suffix == "k") else 0
    if not value:
        return (0, 0.0)
    return (-order if value < 0 else order, value)


def _month_key(text: str) -> int:
    word = text.lstrip(" \t")[:3].upper()
    return _MONTHS.find(word) // 4 + 1 if len(word) == 3 and word in _MONTHS.split() else 0


def _rank(char: str) -> int:
    """The order of a character in a version: ~ before the end, letters before all else (filevercmp.c's order())."""
    if char == "~":
        return -2
    if not char or is_digits(char):
        return -1 if not char else 0
    return ord(char) if char.isalpha() else ord(char) + 256


def _version_part(a: str, b: str) -> int:
    i = j = 0
    while i < len(a) or j < len(b):
        while (i < len(a) and not is_digits(a[i])) or (j < len(b) and not is_digits(b[j])):
            difference = _rank(a[i : i + 1]) - _rank(b[j : j + 1])
            if difference:
                return difference
            i, j = i + 1, j + 1
        first, second = re.compile(r"0*([0-9]*)").match(a, i), re.compile(r"0*([0-9]*)").match(b, j)
        assert first is not None and second is not None
        x, y = first[1], second[1]
        if x != y:
            return len(x) - len(y) or (1 if x > y else -1)
        i, j = first.end(), second.end()
    return 0


def version_compare(a: str, b: str) -> int:
    """-V: filevercmp.c."""
    if a == b:
        return 0
    for special in ("", ".", ".."):
        if special in (a, b):
            return -1 if a == special else 1
    if (a[0] == ".") != (b[0] == "."):
        return -1 if a[0] == "." else 1
    stems = [text[: _VERSION_SUFFIX.search(text, 1).start()] for text in (a, b)]  # type: ignore[union-attr]
    if stems[0] == stems[1]:
        return _version_part(a, b)
    return _version_part(*stems)


_version_key = cmp_to_key(version_compare)


def _random_key(text: str, salt: bytes = b"") -> bytes:
    return hashlib.md5(salt + text.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()


class Key:
    """One -k, or the whole line: where it is, and how it compares."""

    def __init__(self, spec: str, orders: str, separator: str | None) -> None:
        self.separator = separator
        self.first = self.first_char = self.last_char = 0
        self.last: int | None = None
        self.skip_first = self.skip_last = False
        own = self._parse(spec) if spec else ""
        orders = own or orders
        if not own:
            self.skip_first = self.skip_last = "b" in orders
        self.reverse = "r" in orders
        self.fold, self.dictionary = "f" in orders, "d" in orders
        self.printable = "i" in orders and not self.dictionary
        numbers = [letter for letter in "ghMn" if letter in orders]
        textual = [letter for letter in "diRV" if letter in orders]
        if len(numbers) + bool(textual) > 1:
            hidden = "brd" if self.printable else "bri"
            shown = "".join(letter for letter in "bdfghiMnRrV" if letter in orders and letter not in hidden)
            raise ShellError(f"options '-{shown}' are incompatible", TROUBLE)
        self.kind = numbers[0] if numbers else "R" if "R" in orders else "V" if "V" in orders else ""
        self.whole = not spec and not self.skip_first
        self.salt = b""  # of --random-source

    def _parse(self, spec: str) -> str:
        begin, comma, end = spec.partition(",")
        field, char, letters = self._position(begin, spec, 1)
        self.first, self.first_char = field - 1, (char or 1) - 1
        self.skip_first = "b" in letters
        if comma:
            last, last_char, more = self._position(end, spec, 0)
            self.last, self.last_char = last, last_char or 0
            self.skip_last = "b" in more
            letters += more
        return letters

    @staticmethod
    def _position(text: str, spec: str, least: int) -> tuple[int, int | None, str]:
        match = _POSITION.fullmatch(text)
        if match is None or not match[1]:
            what = "invalid number at field start" if least else "invalid number after ','"
            if match is None and is_digits(text[:1]):
                what = "stray character in field spec"
            raise ShellError(f"{what}: invalid count at start of '{text}'" if "number" in what else
                             f"{what}: invalid field specification '{spec}'", TROUBLE)  # fmt: skip
        if match[2] == "":
            behind = text[match.start(2) :] + spec[len(text) :] if least else text[match.start(2) :]
            raise ShellError(f"invalid number after '.': invalid count at start of '{behind}'", TROUBLE)
        if not int(match[1]):
            raise ShellError(f"field number is zero: invalid field specification '{spec}'", TROUBLE)
        if least and match[2] is not None and not int(match[2] or 0):
            raise ShellError(f"character offset is zero: invalid field specification '{spec}'", TROUBLE)
        if set(match[3]) - set(_ORDERS):
            raise ShellError(f"stray character in field spec: invalid field specification '{spec}'", TROUBLE)
        return int(match[1]), int(match[2]) if match[2] else None, match[3]

    def text(self, line: str) -> str:
        """The part of a line that this key compares (begfield, limfield)."""
        if self.whole:
            return line
        start = self._begin(line)
        if self.last is None:
            return line[start:]
        return line[start : max(start, self._limit(line))]

    def _skip_fields(self, line: str, count: int) -> int:
        size, place = len(line), 0
        if self.separator is not None:
            for _ in range(count):
                place = line.find(self.separator, place) + 1
                if not place:
                    return size
            return place
        for _ in range(count):
            if place >= size:
                break
            while place < size and line[place] in " \t\n":
                place += 1
            while place < size and line[place] not in " \t\n":
                place += 1
        return place

    def _begin(self, line: str) -> int:
        place = self._skip_fields(line, self.first)
        if self.skip_first:
            while place < len(line) and line[place] in " \t\n":
                place += 1
        return min(len(line), place + self.first_char)

    def _limit(self, line: str) -> int:
        assert self.last is not None
        if not self.last_char:
            place = self._skip_fields(line, self.last)
            if self.separator is not None and place < len(line) + 1 and place > 0 and line[place - 1] == self.separator:
                return place - 1 if line.count(self.separator) >= self.last else len(line)
            return place
        place = self._skip_fields(line, self.last - 1)
        if self.skip_last:
            while place < len(line) and line[place] in " \t\n":
                place += 1
        return min(len(line), place + self.last_char)

    def value(self, line: str) -> Any:
        """What is compared."""
        text = self.text(line)
        if self.kind in _NUMBERS:
            return _NUMBERS[self.kind](text)
        if self.dictionary:
            text = re.sub(r"[^A-Za-z0-9 \t\n]", "", text)
        elif self.printable:
            text = re.sub(r"[^ -~]", "", text)
        if self.fold:
            text = text.upper()
        if self.kind == "R":
            return _random_key(text, self.salt)
        return _version_key(text) if self.kind == "V" else text


_NUMBERS: dict[str, Callable[[str], Any]] = {"n": numeric_key, "g": general_key, "h": human_key, "M": _month_key}


def _tab(word: str) -> str:
    if not word:
        raise ValueError("empty tab")
    if word == "\\0":
        return "\0"
    if len(word) > 1:
        raise ValueError(f"multi-character tab '{word}'")
    return word


def _old_keys(words: list[str]) -> list[str]:
    """`sort +1 -2` in the old spelling is -k2,2; a `+1` alone is a file."""
    made: list[str] = []
    at = 0
    while at < len(words):
        begin, end = re.fullmatch(r"\+([0-9]+)(?:\.([0-9]+))?([a-zA-Z]*)", words[at]), None
        if words[at] == "--":
            return made + words[at:]
        if begin is not None and at + 1 < len(words):
            end = re.fullmatch(r"-([0-9]+)(?:\.([0-9]+))?([a-zA-Z]*)", words[at + 1])
        if begin is None or end is None:
            made.append(words[at])
            at += 1
            continue
        char = int(end[2] or 0)
        last = f"{int(end[1]) + 1}.{char}" if char else end[1]
        span = f",{last}{end[3]}" if char or int(end[1]) else ""
        made.append(f"-k{int(begin[1]) + 1}.{int(begin[2] or 0) + 1}{begin[3]}{span}")
        at += 2
    return made


def _buffer(word: str) -> str:
    if not re.fullmatch(r"[0-9]{1,18}[bkKmMGTPEZYRQ%]?", word):
        raise ValueError(f"invalid -S argument '{word}'")
    return word


def _batch(word: str) -> str:
    if not is_digits(word):
        raise ValueError(f"invalid --batch-size argument '{word}'")
    if int(word[:24]) < 2:
        raise ValueError(f"invalid --batch-size argument '{word}'\nsort: minimum --batch-size argument is '2'")
    return word


def _parallel(word: str) -> str:
    if not is_digits(word):
        raise ValueError(f"invalid --parallel argument '{word}'")
    if not int(word[:24]):
        raise ValueError("number in parallel must be nonzero")
    return word


@utility(
    option("-b", "--ignore-leading-blanks", help="without leading blanks"),
    option("-d", "--dictionary-order", help="letters, digits and blanks only"),
    option("-f", "--ignore-case", help="letters in either case"),
    option("-g", "--general-numeric-sort", help="by number, 1e3 too"),
    option("-i", "--ignore-nonprinting"), option("-M", "--month-sort", help="JAN before FEB"),
    option("-h", "--human-numeric-sort", help="2K before 1M"), option("-n", "--numeric-sort", help="by number"),
    option("-R", "--random-sort", help="in no order"),
    option("--random-source", type=str, many=True, meta="FILE", help="that order comes from a file's bytes"),
    option("-r", "--reverse", help="reversed"),
    option("-V", "--version-sort", help="by version: 2 before 10"), option("--sort", type=_BY, meta="WORD"),
    option("-c", "--check", type=one_of("--check", "quiet/silent", "diagnose-first"), optional="diagnose-first",
           bare="c", meta="HOW", help="only tell whether it is sorted"),
    option("-C", name="check_quiet", help="the same, by status alone"),
    option("-k", "--key", type=str, many=True, meta="KEYDEF", help="by fields: 2, 2n, 2,3nr, 1.3"),
    option("-m", "--merge", help="merge what is sorted"),
    option("-o", "--output", type=str, many=True, meta="FILE", help="write to a file"),
    option("-s", "--stable", help="keep the order of equal lines"),
    option("-S", "--buffer-size", type=_buffer, meta="SIZE", help="no temporary files are needed here"),
    option("-T", "--temporary-directory", type=str, many=True, meta="DIR", help="the same"),
    option("--batch-size", type=_batch, meta="N", help="the same"),
    option("--debug", lacks="how keys are compared is not shown here"),
    option("--compress-program", type=str, many=True, meta="COMMAND", help="the same"),
    option("--parallel", type=_parallel, meta="N", help="changes no result"),
    option("--files0-from", type=str, meta="FILE", help="files are those that FILE names, each with a NUL behind it"),
    option("-t", "--field-separator", type=_tab, many=True, meta="C", help="fields end at C"),
    option("-u", "--unique", help="equal lines once"), option("-z", "--zero-terminated", help="lines end in NUL"),
    rest("files", words="path"), trouble=TROUBLE, rewrite=_old_keys,
)  # fmt: skip
def sort(box: object, args: Args, io: IO) -> int:
    """lines in order

    sort -k2 -n -r /proc/meminfo
    """
    if len(set(args.output)) > 1:
        raise ShellError("multiple output files specified", TROUBLE)
    if len(set(args.field_separator)) > 1:
        raise ShellError("incompatible tabs", TROUBLE)
    for given, name in ((args.compress_program, "compress programs"), (args.random_source, "random sources")):
        if len(set(given)) > 1:
            raise ShellError(f"multiple {name} specified", TROUBLE)
    keys = _keys(args)
    if args.random_source and any(key.kind == "R" for key in keys):
        _salt(io, keys, args.random_source[0])
    end = "\0" if args.zero_terminated else "\n"
    checks = args.check is not None or args.check_quiet
    files: list[str] = args.files
    if args.files0_from is not None:
        files = list(_files_of(io, args))
    if checks and len(files) > 1:
        raise ShellError(f"extra operand '{files[1]}' not allowed with -c", TROUBLE)
    sources = Sources(io, files, "cannot read: {name}: {why}", "read failed: {name}: {why}")
    if checks:
        quiet = args.check_quiet or args.check == "quiet"
        if args.check == "diagnose-first" and quiet:
            raise ShellError("options '-cC' are incompatible", TROUBLE)
        if args.output:
            raise ShellError(f"options '-{'C' if quiet else 'c'}o' are incompatible", TROUBLE)
        return _checked(io, sources, keys, args, end, quiet)
    if args.merge:
        runs = [sources_one.kept(end) for sources_one in _each(io, files, sources)]
        if sources.failed:
            return TROUBLE
        lines = list(heapq.merge(*runs, key=cmp_to_key(_comparison(keys, args))))
    else:
        lines = sources.kept(end)
        if sources.failed:
            return TROUBLE
        _arrange(io, lines, keys, args)
    if args.unique:
        lines = list(_once(io, lines, keys))
    _write(io, args.output[0] if args.output else None, lines, end)
    return 0


def _salt(io: IO, keys: list[Key], name: str) -> None:
    """The 16 bytes of --random-source that are hashed before each key (sort.c, random_md5_state_init)."""
    try:
        salt = bytes(Randomness(io, name, "open failed: ").take(16))
    except ShellError as error:
        raise ShellError(error.message, TROUBLE) from None
    for key in keys:
        key.salt = salt


def _files_of(io: IO, args: Args) -> Iterator[str]:
    """The files that --files0-from names."""
    found = False
    for name, wrong in named_files(io, args, args.files0_from, "open failed: {name}: {why}"):
        if wrong:
            raise ShellError(wrong, TROUBLE)
        found = True
        yield name
    if not found:
        listed = "standard input" if args.files0_from == "-" else f"'{args.files0_from}'"
        raise ShellError(f"no input from {listed}", TROUBLE)


def _keys(args: Args) -> list[Key]:
    letters = {
        "ignore_leading_blanks": "b", "dictionary_order": "d", "ignore_case": "f", "general_numeric_sort": "g",
        "ignore_nonprinting": "i", "month_sort": "M", "human_numeric_sort": "h", "numeric_sort": "n",
        "random_sort": "R", "reverse": "r", "version_sort": "V",
    }  # fmt: skip
    words = {"general-numeric": "g", "human-numeric": "h", "month": "M", "numeric": "n", "random": "R", "version": "V"}
    orders = "".join(letter for name, letter in letters.items() if getattr(args, name))
    if args.sort is not None:
        orders += words[args.sort]
    mark = args.field_separator[0] if args.field_separator else None
    if args.key:
        return [Key(spec, orders, mark) for spec in args.key]
    return [Key("", orders, mark)]


def _each(io: IO, names: list[str], whole: Sources) -> Iterator[Sources]:
    for name in names or ["-"]:
        one = Sources(io, [name], whole.words)
        yield one
        whole.failed = whole.failed or one.failed


def _plain(key: Key) -> bool:
    """Whole lines by their characters: the last resort says the same."""
    return key.whole and not (key.kind or key.fold or key.dictionary or key.printable)


def _arrange(io: IO, lines: list[str], keys: list[Key], args: Args) -> None:
    if len(keys) == 1 and _plain(keys[0]):
        _sort(io, lines, None, keys[0].reverse)
        return
    if not args.stable and not args.unique:
        _sort(io, lines, None, bool(args.reverse))
    for key in reversed(keys):
        _sort(io, lines, key.value, key.reverse)


def _sort(io: IO, lines: list[str], value: Callable[[str], Any] | None, reverse: bool) -> None:
    """Sort in place and stably, run by run with a look for Ctrl-C between them; then the runs are merged."""
    pairs: list[Any] = lines if value is None else [(value(line), line) for line in _heeding(io, lines)]
    first = None if value is None else itemgetter(0)
    if len(pairs) > RUN:
        for at in range(0, len(pairs), RUN):
            io.check()
            pairs[at : at + RUN] = sorted(pairs[at : at + RUN], key=first, reverse=reverse)
    pairs.sort(key=first, reverse=reverse)
    if value is not None:
        lines[:] = [line for _, line in pairs]


def _heeding(io: IO, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number & 0x3FF:
            io.check()
        yield line


def _comparison(keys: list[Key], args: Args) -> Callable[[str, str], int]:
    def compare(a: str, b: str) -> int:
        for key in keys:
            x, y = key.value(a), key.value(b)
            if x != y:
                return (-1 if x < y else 1) * (-1 if key.reverse else 1)
        if args.stable or args.unique or a == b:
            return 0
        return (-1 if a < b else 1) * (-1 if args.reverse else 1)

    return compare


def _once(io: IO, lines: list[str], keys: list[Key]) -> Iterator[str]:
    before: Any = None
    for line in _heeding(io, lines):
        value = [key.value(line) for key in keys]
        if value != before:
            yield line
        before = value


def _checked(io: IO, sources: Sources, keys: list[Key], args: Args, end: str, quiet: bool) -> int:
    compare = _comparison(keys, args)
    for number, (a, b) in enumerate(pairwise(sources.bare_lines(end)), 2):
        order = compare(a, b)
        if order > 0 or (args.unique and order == 0):
            if not quiet:
                io.complain(f"{sources.names[0]}:{number}: disorder: {b}")
            return 1
    return TROUBLE if sources.failed else 0


def _write(io: IO, name: str | None, lines: list[str], end: str) -> None:
    if name is None or name == "-":
        for at in range(0, len(lines), 256):
            io.out(end.join(lines[at : at + 256]) + end)
        return
    files = io.session.files
    assert files is not None
    try:
        sink = files.open_write(io.session, name, False)
    except OSError as error:
        raise ShellError(f"open failed: {name}: {error.strerror or error}", TROUBLE) from None
    sink.write("".join(line + end for line in lines))
    sink.close()
