"""sort: lines in order, by keys (GNU coreutils 9.1's sort.c)."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator
from functools import cmp_to_key
from itertools import pairwise
from operator import itemgetter
from typing import Any

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.randomness import Randomness
from memsh.textutils.sortdebug import marked, warnings
from memsh.textutils.sortkeys import TROUBLE, Key
from memsh.textutils.sources import Sources, named_files
from memsh.textutils.utility import one_of, option, utility

RUN = 1 << 16  # lines sorted between two looks for Ctrl-C
_BY = one_of("--sort", "general-numeric", "human-numeric", "month", "numeric", "random", "version")


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
    option("--debug", help="show what each key compares"),
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
    if args.debug and (checks or args.output):
        letter = "o" if not checks else "C" if args.check_quiet or args.check == "quiet" else "c"
        raise ShellError(f"options '-{letter} --debug' are incompatible", TROUBLE)
    files: list[str] = args.files
    if args.debug:
        for warning in warnings(keys, _global(args), keys[0].separator, lasting=not (args.stable or args.unique)):
            io.complain(warning)
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
    if args.debug:
        for line in _heeding(io, lines):
            io.out(marked(line, keys, lasting=not (args.stable or args.unique)))
        return 0
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


def _global(args: Args) -> str:
    """The letters of the orders that stand outside of all keys."""
    letters = {
        "ignore_leading_blanks": "b", "dictionary_order": "d", "ignore_case": "f", "general_numeric_sort": "g",
        "ignore_nonprinting": "i", "month_sort": "M", "human_numeric_sort": "h", "numeric_sort": "n",
        "random_sort": "R", "reverse": "r", "version_sort": "V",
    }  # fmt: skip
    words = {"general-numeric": "g", "human-numeric": "h", "month": "M", "numeric": "n", "random": "R", "version": "V"}
    orders = "".join(letter for name, letter in letters.items() if getattr(args, name))
    if args.sort is not None:
        orders += words[args.sort]
    return orders


def _keys(args: Args) -> list[Key]:
    orders = _global(args)
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
