"""Files looked at: stat readlink (GNU coreutils 9.1).

Known deviations: there is one user; nothing keeps when a file was made.
"""

from __future__ import annotations

from memsh.commands.facts import Facts, changed, link_target, lstat
from memsh.commands.pathnames import canonical
from memsh.commands.paths import existing, path_of, stat_kind
from memsh.commands.processes import running
from memsh.commands.statformat import Arrow, Epoch, Values, Whole, formatted, unescaped
from memsh.linux.include.errno import KernelError
from memsh.procfs.pid_mounts import mount_of, statfs
from memsh.shell import IO, Args, rest
from memsh.textutils.clock import local_zone
from memsh.textutils.quoting import quoteaf
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import last_typed, one_of, option, utility

TOPIC = "files"
UNKNOWN = "UNKNOWN"  # a number that has no name


@utility(
    option("-L", "--dereference", help="where links lead"),
    option("-f", "--file-system", help="the file system that it is in"),
    option("--cached", type=one_of("--cached", "default", "never", "always"), meta="MODE"),
    option("-c", "--format", type=str, meta="FORMAT",
           help="%n name, %s size, %a mode, %i inode, %F kind, %y time …; with -f %b blocks, %f free, %T type …"),
    option("--printf", type=str, meta="FORMAT", help="the same, with \\n and without a newline of its own"),
    option("-t", "--terse", help="one line"), rest("files", words="path"), topic=TOPIC,
)  # fmt: skip
def stat(box: object, args: Args, io: IO) -> int:
    """what a file is beside its contents

    stat /proc/meminfo
    """
    if not args.files:
        raise args.refused("missing operand")
    escapes = last_typed(args, "format", "printf") == "printf"
    pattern, end = (args.printf, "") if escapes else (args.format, "\n")
    if args.file_system and pattern is None:
        pattern, end = _FS_TERSE if args.terse else _FS_LONG, ""
    status = 0
    for name in args.files:
        if args.file_system and name == "-":
            io.complain("using '-' to denote standard input does not work in file system mode")
            status = 1
            continue
        try:
            if args.file_system:
                values = _system_values(io, name)
            else:
                facts = lstat(io.session, name, args.dereference)
        except OSError as error:
            what = "read file system information for" if args.file_system else "statx"
            io.complain(f"cannot {what} '{name}': {error.strerror}")
            status = 1
            continue
        if pattern is None:
            io.out((_terse if args.terse else _long)(io, name, facts))
            continue
        shown = unescaped(io, pattern) if escapes else pattern
        io.out(formatted(values if args.file_system else _values(io, name, facts), shown) + end)
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


def _stamp(io: IO, when: float) -> str:
    return strftime("%Y-%m-%d %H:%M:%S.%N %z", when, local_zone(io))


def _terse(io: IO, name: str, facts: Facts) -> str:
    return formatted(_values(io, name, facts), "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o\n")


_OWNERS = "Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n"
_TIMES = "Access: %x\nModify: %y\nChange: %z\n Birth: %w\n"


def _long(io: IO, name: str, facts: Facts) -> str:
    values = _values(io, name, facts)
    shown = f"{name} -> {facts.target}" if facts.kind == "link" else name
    links = "%-5h Device type: %Hr,%Lr" if facts.kind in ("block", "char") else "%h"
    return f"  File: {shown}\n" + formatted(
        values, "  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Hd,%Ld\tInode: %-10i  Links: "
        f"{links}\n{_OWNERS}{_TIMES}",
    )  # fmt: skip


def _values(io: IO, name: str, facts: Facts) -> Values:
    when = changed(io, facts)
    stamp, epoch = _stamp(io, when), Epoch(round(when * 1e9))
    (major, minor), (dev_major, dev_minor) = facts.rdev, facts.dev
    device, rdev = dev_major << 8 | dev_minor, major << 8 | minor
    quoted = Arrow(quoteaf(name), quoteaf(facts.target)) if facts.kind == "link" else quoteaf(name)
    box = io.session.box
    return {
        "n": name, "N": quoted, "s": Whole(facts.size, "d"), "b": Whole(facts.blocks), "B": Whole(512),
        "o": Whole(facts.io_block), "f": Whole(facts.st_mode, "x"), "a": Whole(facts.mode, "o"), "A": facts.bits(),
        "F": facts.described, "u": Whole(facts.uid), "g": Whole(facts.gid), "U": facts.user or UNKNOWN,
        "G": facts.group or UNKNOWN, "i": Whole(facts.inode), "h": Whole(facts.links), "d": Whole(device),
        "Hd": Whole(dev_major), "Ld": Whole(dev_minor), "D": Whole(device, "x"), "t": Whole(major, "x"),
        "T": Whole(minor, "x"), "r": Whole(rdev), "R": Whole(rdev, "x"), "Hr": Whole(major), "Lr": Whole(minor),
        "x": stamp, "y": stamp, "z": stamp, "w": "-", "X": epoch, "Y": epoch, "Z": epoch, "W": Epoch(0),
        "m": "/proc" if box is None else mount_of(box, path_of(io.session, name, False)).where,
    }  # fmt: skip


# -f


_NAMES = {
    "cgroup2": "cgroup2fs", "debugfs": "debugfs", "devtmpfs": "tmpfs", "ext4": "ext2/ext3", "hugetlbfs": "hugetlbfs",
    "proc": "proc", "sysfs": "sysfs", "tmpfs": "tmpfs", "tracefs": "tracefs",
}  # fmt: skip
_FS_TERSE = "%n %i %l %t %s %S %b %f %a %c %d\n"
_FS_LONG = (
    '  File: "%n"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s Fundamental block size: %S\n'
    "Blocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n"
)


def _system_values(io: IO, name: str) -> Values:
    """The figures of the file system that a name lies in. ENOENT, ENOTDIR."""
    box = io.session.box
    running(box)
    row = mount_of(box, existing(io.session, name))
    buf = statfs(box, row)
    return {
        "n": name, "i": Whole(buf.fsid, "x"), "l": Whole(buf.namelen), "t": Whole(buf.type, "x"), "T": _NAMES[row.kind],
        "b": _signed(buf.blocks), "f": _signed(buf.bfree), "a": _signed(buf.bavail), "s": Whole(buf.bsize),
        "S": Whole(buf.bsize), "c": Whole(buf.files), "d": _signed(buf.ffree),
    }  # fmt: skip


def _signed(number: int) -> Whole:
    return Whole(number - (number >> 63 << 64), "d")
