"""Files looked at: stat readlink du (GNU coreutils 9.1).

Known deviation: there is one user.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from memsh.commands.facts import BLOCK, Facts, link_target, lstat
from memsh.commands.pathnames import canonical
from memsh.commands.paths import stat_kind, walked
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import local_zone, now
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import last_typed, option, sized, utility, whole_number

TOPIC = "files"
_KINDS = {
    "dir": "directory", "link": "symbolic link", "block": "block special file", "char": "character special file",
}  # fmt: skip
_FORMAT = re.compile(r"%(-?0?#?[0-9]*)(?:\.([0-9]*))?([HL][dr]|.)")
_CONTROL = {"n": "\n", "t": "\t", "\\": "\\", "a": "\a", "r": "\r", '"': '"', "e": "\x1b"}


def changed(io: IO, facts: Facts) -> float:
    """When a file was last changed, in seconds since 1970."""
    if facts.seconds is None:
        return now(io)
    return now(io) - float(io.session.box.timer.usec / 1e6) + facts.seconds


@utility(
    option("-L", "--dereference", help="where links lead"), option("-f", "--file-system"),
    option("-c", "--format", type=str, meta="FORMAT", help="%n name, %s size, %a mode, %i inode, %F kind, %y time …"),
    option("--printf", type=str, meta="FORMAT", help="the same, with \\n and without a newline of its own"),
    option("-t", "--terse", help="one line"), rest("files", words="path"), topic=TOPIC,
)  # fmt: skip
def stat(box: object, args: Args, io: IO) -> int:
    """what a file is beside its contents

    stat /proc/meminfo
    """
    if not args.files:
        raise args.refused("missing operand")
    if args.file_system:
        raise ShellError("-f: the file systems are told by df")
    status = 0
    for name in args.files:
        try:
            facts = lstat(io.session, name, args.dereference)
        except OSError as error:
            io.complain(f"cannot statx '{name}': {error.strerror}")
            status = 1
            continue
        if args.printf is not None:
            shown = re.sub(r"\\(.)", lambda match: _CONTROL.get(match[1], match[0]), args.printf)
            io.out(_formatted(io, name, facts, shown))
        elif args.format is not None:
            io.out(_formatted(io, name, facts, args.format) + "\n")
        elif args.terse:
            io.out(_formatted(io, name, facts, "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o") + "\n")
        else:
            io.out(_long(io, name, facts))
    return status


@utility(
    option("-f", "--canonicalize", help="the whole path without links; its last part need not be there"),
    option("-e", "--canonicalize-existing"), option("-m", "--canonicalize-missing"),
    option("-n", "--no-newline"), option("-q", "--quiet"), option("-s", "--silent"), option("-v", "--verbose"),
    option("-z", "--zero"), rest("files", words="path"), topic=TOPIC,
)  # fmt: skip
def readlink(box: object, args: Args, io: IO) -> int:
    """where symbolic links lead

    readlink /proc/self

    Nothing, and status 1, for what is no link.
    """
    if not args.files:
        raise args.refused("missing operand")
    status = 0
    target: str | None
    how = last_typed(args, "canonicalize", "canonicalize_existing", "canonicalize_missing")
    end = "\0" if args.zero else "" if args.no_newline and len(args.files) == 1 else "\n"
    for name in args.files:
        try:
            if how:
                target = canonical(io.session, name, how == "canonicalize_existing", how == "canonicalize_missing")
            else:
                target = link_target(io.session, name)
            if target is None:
                raise KernelError("EINVAL" if stat_kind(io.session, name) is not None else "ENOENT")
            io.out(target + end)
        except OSError as error:
            status = 1
            if args.verbose:
                io.complain(f"{name}: {error.strerror}")
    return status


def _kind(facts: Facts) -> str:
    return _KINDS.get(facts.kind) or ("regular empty file" if not facts.size else "regular file")


def _stamp(io: IO, when: float) -> str:
    return strftime("%Y-%m-%d %H:%M:%S.%N %z", when, local_zone(io))


def _long(io: IO, name: str, facts: Facts) -> str:
    shown = f"{name} -> {facts.target}" if facts.kind == "link" else name
    rdev = f" Device type: {facts.rdev[0]},{facts.rdev[1]}" if facts.kind in ("block", "char") else ""
    when = _stamp(io, changed(io, facts))
    return (
        f"  File: {shown}\n"
        f"  Size: {facts.size:<10}\tBlocks: {facts.blocks:<10} IO Block: {_io_block(facts):<6} {_kind(facts)}\n"
        f"Device: {facts.dev[0]},{facts.dev[1]}\tInode: {facts.inode:<11} Links: {facts.links}{rdev}\n"
        f"Access: ({facts.mode:04o}/{facts.bits()})  Uid: (    0/    root)   Gid: (    0/    root)\n"
        f"Access: {when}\nModify: {when}\nChange: {when}\n Birth: -\n"
    )  # fmt: skip


def _io_block(facts: Facts) -> int:
    return BLOCK if facts.seconds is not None else 1024


def _formatted(io: IO, name: str, facts: Facts, pattern: str) -> str:
    when = changed(io, facts)
    major, minor = facts.rdev
    quoted = f"'{name}' -> '{facts.target}'" if facts.kind == "link" else f"'{name}'"
    values: dict[str, Any] = {
        "n": name, "N": quoted, "s": facts.size, "b": facts.blocks, "B": 512, "o": _io_block(facts),
        "f": f"{facts.st_mode:x}", "a": f"{facts.mode:o}", "A": facts.bits(), "F": _kind(facts), "u": 0, "g": 0,
        "U": "root", "G": "root", "i": facts.inode, "h": facts.links, "d": facts.dev[0] << 8 | facts.dev[1],
        "Hd": facts.dev[0], "Ld": facts.dev[1], "D": f"{facts.dev[0] << 8 | facts.dev[1]:x}", "t": f"{major:x}",
        "T": f"{minor:x}", "r": major << 8 | minor, "x": _stamp(io, when), "y": _stamp(io, when), "z": _stamp(io, when),
        "w": "-", "X": int(when), "Y": int(when), "Z": int(when), "W": 0,
        "m": "/proc" if facts.seconds is None else "/",
    }  # fmt: skip

    def one(match: re.Match[str]) -> str:
        width, _, letter = match.groups()
        if letter == "%":
            return "%"
        if letter not in values:
            raise ShellError(f"%{letter}: invalid directive")
        text = str(values[letter])
        digits = int(width.lstrip("-#0") or 0)
        if width[:1] == "-":
            return text.ljust(digits)
        return text.rjust(digits, "0" if width[:1] == "0" else " ")

    return _FORMAT.sub(one, pattern)


# du


def _block_size(word: str) -> int:
    size = sized(word if (word[:1].isascii() and word[:1].isdecimal()) else "1" + word)
    if not size:
        raise ValueError(f"invalid -B argument '{word}'")
    return size


def human(size: int) -> str:
    """`4.0K`, `12M`: rounded up, as du -h and ls -h."""
    if size < 1024:
        return str(size)
    unit, letters = 1024, "KMGTPE"
    for letter in letters:
        if -(-size * 10 // unit) < 100:
            return f"{-(-size * 10 // unit) / 10:.1f}{letter}"
        if -(-size // unit) < 1024 or letter == letters[-1]:
            return f"{-(-size // unit)}{letter}"
        unit *= 1024
    return str(size)


@utility(
    option("-a", "--all", help="files too"), option("-b", "--bytes", help="sizes as ls has them"),
    option("--apparent-size"), option("-B", "--block-size", type=_block_size, meta="SIZE"),
    option("-c", "--total", help="with a sum"), option("-h", "--human-readable", help="sizes for people"),
    option("-k", name="kibi"), option("-m", name="mebi"), option("-s", "--summarize", help="one line for each name"),
    option("-d", "--max-depth", type=whole_number("invalid maximum depth"), meta="N"),
    option("-x", "--one-file-system"), option("-l", "--count-links"), option("-0", "--null"),
    option("-S", "--separate-dirs"), rest("files", words="path"), topic=TOPIC,
)  # fmt: skip
def du(box: object, args: Args, io: IO) -> int:
    """the room that files take on the disk

    mkfile /data 1M; du -h /data
    """
    unit = args.block_size or (1 if args.bytes else 1 << 20 if args.mebi else 1024)
    apparent = args.bytes or args.apparent_size
    most = 0 if args.summarize else args.max_depth
    end = "\0" if args.null else "\n"
    status = total = 0
    counted: set[tuple[tuple[int, int], int]] = set()  # files with several names

    def shown(size: int, name: str) -> None:
        io.out(f"{human(size) if args.human_readable else -(-size // unit)}\t{name}{end}")

    def walk(path: str, depth: int) -> int:
        io.check()
        facts = lstat(io.session, path)
        if facts.kind != "dir" and facts.links > 1 and not args.count_links:
            if (facts.dev, facts.inode) in counted:
                return 0
            counted.add((facts.dev, facts.inode))
        if args.one_file_system and depth and facts.dev != device:
            return 0
        own = facts.size if apparent else facts.blocks * 512
        inner = 0
        if facts.kind == "dir":
            for name in walked(io.session, path):
                inner += walk(posixpath.join(path, name), depth + 1)
        if not depth or ((facts.kind == "dir" or args.all) and (most is None or depth <= most)):
            shown(own if args.separate_dirs and facts.kind == "dir" else own + inner, path)
        return own + inner

    for name in args.files or ["."]:
        try:
            device = lstat(io.session, name).dev
            total += walk(name, 0)
        except OSError as error:
            io.complain(f"cannot access '{name}': {error.strerror}")
            status = 1
    if args.total:
        shown(total, "total")
    return status
