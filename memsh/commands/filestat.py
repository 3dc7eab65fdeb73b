"""Files looked at: stat readlink du (GNU coreutils 9.1).

Known deviation: there is one user.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from typing import Any

from memsh.commands.blocks import Unit, block_size, unit_of
from memsh.commands.facts import BLOCK, Facts, link_target, lstat
from memsh.commands.pathnames import canonical
from memsh.commands.paths import stat_kind, walked
from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.quoting import C_ESCAPES
from memsh.textutils.sources import Sources, named_files
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import NoChoice, last_typed, one_of, option, sized, utility

TOPIC = "files"
UNKNOWN = "UNKNOWN"  # a number that has no name
_KINDS = {
    "dir": "directory", "link": "symbolic link", "block": "block special file", "char": "character special file",
}  # fmt: skip
_FORMAT = regular(r"%(-?0?#?[0-9]*)(?:\.([0-9]*))?([HL][dr]|.)")
_ESCAPE = regular(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_CONTROL = {**C_ESCAPES, "\\": "\\", '"': '"', "e": "\x1b"}


def changed(io: IO, facts: Facts) -> float:
    """When a file was last changed, in seconds since 1970."""
    if facts.seconds is None:
        return now(io)
    return booted(io) + facts.seconds


@utility(
    option("-L", "--dereference", help="where links lead"), option("-f", "--file-system"),
    option("--cached", type=one_of("--cached", "default", "never", "always"), meta="MODE"),
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
            shown = _ESCAPE.sub(lambda match: _escaped(io, match), args.printf)
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
    if args.no_newline and len(args.files) > 1:
        io.complain("ignoring --no-newline with multiple arguments")
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


def _escaped(io: IO, match: re.Match[str]) -> str:
    """An escape of --printf; one that means nothing is warned about."""
    hexadecimal, octal, char = match.groups()
    if hexadecimal or octal:
        return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
    if char not in _CONTROL:
        io.complain(f"warning: unrecognized escape '\\{char}'")
    return _CONTROL.get(char, char)


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
        f"Access: ({facts.mode:04o}/{facts.bits()})  Uid: ({facts.uid:5}/{facts.user or UNKNOWN:>8})   "
        f"Gid: ({facts.gid:5}/{facts.group or UNKNOWN:>8})\n"
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
        "f": f"{facts.st_mode:x}", "a": f"{facts.mode:o}", "A": facts.bits(), "F": _kind(facts), "u": facts.uid,
        "g": facts.gid, "U": facts.user or UNKNOWN, "G": facts.group or UNKNOWN, "i": facts.inode, "h": facts.links,
        "d": facts.dev[0] << 8 | facts.dev[1], "Hd": facts.dev[0], "Ld": facts.dev[1],
        "D": f"{facts.dev[0] << 8 | facts.dev[1]:x}", "t": f"{major:x}",
        "T": f"{minor:x}", "r": major << 8 | minor, "x": _stamp(io, when), "y": _stamp(io, when), "z": _stamp(io, when),
        "w": "-", "X": int(when), "Y": int(when), "Z": int(when), "W": 0,
        "m": "/proc" if facts.seconds is None else "/",
    }  # fmt: skip

    def one(match: re.Match[str]) -> str:
        width, _, letter = match.groups()
        if letter == "%":
            return "%"
        text = str(values.get(letter, "?"))
        digits = int(width.lstrip("-#0") or 0)
        if width[:1] == "-":
            return text.ljust(digits)
        return text.rjust(digits, "0" if width[:1] == "0" else " ")

    return _FORMAT.sub(one, pattern)


# du


def _threshold(word: str) -> int:
    minus = word[:1] == "-"
    size = sized(word[minus:])
    if size is None or (minus and not size):
        raise ValueError(f"invalid -t argument '{word}'")
    return -size if minus else size


def _depth(word: str) -> int:
    if not is_digits(word):
        raise NoChoice(f"invalid maximum depth '{word}'")
    return int(word[:18])


_TIMES = one_of("--time", "atime/access/use", "ctime/status")
_STYLES = {"full-iso": "%Y-%m-%d %H:%M:%S.%N %z", "long-iso": "%Y-%m-%d %H:%M", "iso": "%Y-%m-%d"}
_STYLE = one_of("time style", *_STYLES)


@utility(
    option("-a", "--all", help="files too"), option("-b", "--bytes", help="sizes as ls has them"),
    option("--apparent-size"), option("-B", "--block-size", type=block_size("-B"), meta="SIZE"),
    option("-c", "--total", help="with a sum"), option("-h", "--human-readable", help="sizes for people"),
    option("--si", help="in powers of 1000"), option("--inodes", help="count files instead"),
    option("-k", name="kibi"), option("-m", name="mebi"), option("-s", "--summarize", help="one line for each name"),
    option("-d", "--max-depth", type=_depth, meta="N"),
    option("-x", "--one-file-system"), option("-l", "--count-links"), option("-0", "--null"),
    option("-S", "--separate-dirs", help="without the folders below"),
    option("-D", "--dereference-args", "-H", name="follow_named"), option("-L", "--dereference"),
    option("-P", "--no-dereference", name="physical"),
    option("-t", "--threshold", type=_threshold, meta="SIZE", help="none smaller; -SIZE none larger"),
    option("--time", type=_TIMES, optional="mtime", meta="WORD", help="with the time of the last change"),
    option("--time-style", type=lambda word: word if word[:1] == "+" else _STYLE(word), default="long-iso",
           meta="STYLE"),
    option("--exclude", type=str, many=True, meta="PATTERN"),
    option("-X", "--exclude-from", type=str, many=True, meta="FILE"), option("--files0-from", type=str, meta="FILE"),
    rest("files", words="path"), topic=TOPIC,
)  # fmt: skip
def du(box: object, args: Args, io: IO) -> int:
    """the room that files take on the disk

    mkfile /data 1M; du -h /data
    """
    if args.summarize and args.all:
        raise args.refused("cannot both summarize and show all entries")
    if args.summarize and args.max_depth:
        raise args.refused(f"warning: summarizing conflicts with --max-depth={args.max_depth}")
    return Usage(args, io).run()


class Usage:
    """One call of du."""

    def __init__(self, args: Args, io: IO) -> None:
        self.args, self.io, self.status = args, io, 0
        self.unit = unit_of(args, Unit())
        self.apparent = args.bytes or args.apparent_size
        self.most = 0 if args.summarize else args.max_depth
        self.counted: set[tuple[tuple[int, int], int]] = set()  # files with several names
        self.excluded = list(args.exclude)
        for name in args.exclude_from:
            self.excluded += [line for line in Sources(io, [name]).bare_lines() if line]
        self.follow = last_typed(args, "follow_named", "dereference", "physical")
        named = args.files0_from is not None or len(args.files) > 1
        self.once = named or self.follow in ("dereference", "follow_named")
        self.device: tuple[int, int] = (0, 0)

    def run(self) -> int:
        args, io = self.args, self.io
        files = [(name, "") for name in args.files or ["."]]
        if args.files0_from is not None:
            files = list(named_files(io, args, args.files0_from, "cannot open '{name}' for reading: {why}"))
        total, newest = 0, None
        for name, wrong in files:
            try:
                if wrong:
                    raise ShellError(wrong)
                self.device = self._facts(name, 0).dev
                size, when = self._walk(name, 0)
                total += size
                newest = max(filter(None, (newest, when)), default=None)
            except OSError as error:
                io.complain(f"cannot access '{name}': {error.strerror}")
                self.status = 1
            except ShellError as error:
                io.complain(error.message)
                self.status = 1
        if args.total:
            self._show(total, newest, "total")
        return self.status

    def _facts(self, path: str, depth: int) -> Facts:
        follow = self.follow == "dereference" or (self.follow == "follow_named" and not depth)
        return lstat(self.io.session, path, follow)

    def _show(self, size: int, when: float | None, name: str) -> None:
        args = self.args
        shown = str(size) if args.inodes else self.unit.shown(size)
        stamp = ""
        if args.time is not None:
            style = _STYLES.get(args.time_style, args.time_style.removeprefix("+"))
            stamp = strftime(style, when or now(self.io), local_zone(self.io)) + "\t"
        self.io.out(f"{shown}\t{stamp}{name}" + ("\0" if args.null else "\n"))

    def _walk(self, path: str, depth: int) -> tuple[int, float | None]:
        """(size, time of the last change) of a file and all below it."""
        args, io = self.args, self.io
        io.check()
        facts = self._facts(path, depth)
        if self.excluded and any(fnmatchcase(tail, glob) for tail in _tails(path) for glob in self.excluded):
            return 0, None
        several = self.once or (facts.kind != "dir" and facts.links > 1)
        if several and not args.count_links:
            if (facts.dev, facts.inode) in self.counted:
                return 0, None
            self.counted.add((facts.dev, facts.inode))
        if args.one_file_system and depth and facts.dev != self.device:
            return 0, None
        own = 1 if args.inodes else facts.size if self.apparent else facts.blocks * 512
        newest: float | None = changed(io, facts)
        below = 0
        if facts.kind == "dir":
            for name in walked(io.session, path):
                size, when = self._walk(posixpath.join(path, name), depth + 1)
                below += size
                newest = max(filter(None, (newest, when)), default=None)
                inner = self._facts(posixpath.join(path, name), depth + 1) if args.separate_dirs else None
                if inner is not None and inner.kind != "dir":
                    own += size
                    below -= size
        whole = own if args.separate_dirs else own + below
        fits = args.threshold is None or (whole >= args.threshold if args.threshold >= 0 else whole <= -args.threshold)
        if (not depth or ((facts.kind == "dir" or args.all) and (self.most is None or depth <= self.most))) and fits:
            self._show(whole, newest, path)
        return own + below, newest


def _tails(path: str) -> list[str]:
    """A path, and what stands behind each of its slashes."""
    return [path, *(path[match.end() :] for match in re.finditer("/+(?=.)", path))]
