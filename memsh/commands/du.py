"""du: the room that files take (GNU coreutils 9.1, src/du.c)."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase

from memsh.commands.blocks import Unit, block_size, unit_of
from memsh.commands.facts import Facts, changed, lstat
from memsh.commands.paths import walked
from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import local_zone, now
from memsh.textutils.sources import Sources, named_files
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import NoChoice, last_typed, one_of, option, sized, utility

TOPIC = "files"


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
