"""df: how full the file systems are (GNU coreutils 9.1, src/df.c; gnulib's mountlist.c)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.commands.blocks import Unit, block_size, human, unit_of
from memsh.commands.paths import existing
from memsh.commands.processes import running
from memsh.linux.box import Box
from memsh.linux.include.statfs import UNLIMITED, Kstatfs
from memsh.procfs.pid_mounts import Mounted, mount_of, mounted, statfs
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.quoting import quotef
from memsh.textutils.utility import NoChoice, option, utility

_HEADINGS = {
    "source": "Filesystem", "fstype": "Type", "itotal": "Inodes", "iused": "IUsed", "iavail": "IFree",
    "ipcent": "IUse%", "size": "Size", "used": "Used", "avail": "Available", "pcent": "Use%", "file": "File",
    "target": "Mounted on",
}  # fmt: skip
_LEFT = ("source", "fstype", "file", "target")
_LEAST = {"source": 14, "fstype": 4, "file": 0, "target": 0, "pcent": 4, "ipcent": 4}  # columns; 5 for all others
_DUMMY = ("proc", "debugfs", "sysfs")


def _fields(word: str) -> list[str]:
    names = word.split(",")
    for name in names:
        if name not in _HEADINGS:
            raise NoChoice(f"option --output: field '{name}' unknown")
        if names.count(name) > 1:
            raise NoChoice(f"option --output: field '{name}' used more than once")
    return names


class Row(NamedTuple):
    """A line of the table: a mounted file system, or the sum of all. `figures` is None where another file system hides
    it."""

    source: str
    kind: str
    figures: Kstatfs | None
    file: str
    target: str


@utility(
    option("-B", "--block-size", type=block_size("-B"), meta="SIZE"),
    option("-h", "--human-readable", help="sizes for people"), option("-H", "--si", help="in powers of 1000"),
    option("-i", "--inodes", help="count files instead"),
    option("-k", name="kibi", help="in KiB, as without it"), option("-m", name="mebi", help="in MiB"),
    option("-l", "--local", help="as it always is"), option("--no-sync", help="as it always is"),
    option("--sync", help="write back first"),
    option("--output", type=_fields, optional=list(_HEADINGS), meta="FIELDS", help="source,size,used,avail,target …"),
    option("-P", "--portability", help="POSIX's headings"), option("--total", help="with a sum"),
    option("-t", "--type", type=str, many=True, meta="TYPE"), option("-T", "--print-type"),
    option("-x", "--exclude-type", type=str, many=True, meta="TYPE"), option("-v", name="ignored"),
    option("-a", "--all", help="those without blocks too"), rest("files", words="path"), topic="files",
)  # fmt: skip
def df(_box: object, args: Args, io: IO) -> int:
    """show how full the disk and tmpfs are

    df -h
    """
    box = io.session.box
    running(box)
    for letter, given in (("i", args.inodes), ("P", args.portability), ("T", args.print_type)):
        if args.output is not None and given:
            raise args.refused(f"options -{letter} and --output are mutually exclusive")
    twice = set(args.type) & set(args.exclude_type)
    if twice:
        raise ShellError(f"file system type '{min(twice)}' both selected and excluded")
    if args.sync:
        box.fs.sync()
    status = 0
    rows: list[Row] = []
    if args.files:
        for name in args.files:
            try:
                rows += _row(box, args, _holding(box, io, name), quotef(name) if name else name)
            except OSError as error:
                io.complain(f"{quotef(name)}: {error.strerror}")
                status = 1
    else:
        every = mounted(box)
        for one in every if args.all else _each_once(box, every):
            rows += _row(box, args, one, "-")
    if not rows:
        if not status:
            io.complain("no file systems processed")
        return 1
    unit = unit_of(args, Unit())
    chosen = _chosen(args)
    if args.total:
        rows.append(Row("total", "-", _sum(rows), "-", "-" if "source" in chosen else "total"))
    _table(io, chosen, [[_heading(name, unit, args) for name in chosen], *(_cells(chosen, unit, row) for row in rows)])
    return status


def _holding(box: Box, io: IO, name: str) -> Mounted:
    """The file system that a name lies in; of a disk that is mounted, the one on it. ENOENT, ENOTDIR."""
    whole = existing(io.session, name)
    on_it = [row for row in mounted(box) if row.source == whole]
    return on_it[-1] if on_it else mount_of(box, whole)


def _row(box: Box, args: Args, row: Mounted, file: str) -> list[Row]:
    """Its line, if it is to have one (get_dev)."""
    if (args.type and row.kind not in args.type) or row.kind in args.exclude_type:
        return []
    figures: Kstatfs | None = statfs(box, row)
    if not args.all and file == "-" and (row.kind in _DUMMY or (figures is not None and not figures.blocks)):
        return []
    if args.all and file == "-":
        seen = mount_of(box, row.where)
        if seen.source != row.source:
            return [Row(row.source, "-", None, file, row.where)]
        figures = statfs(box, seen)
    return [Row(row.source, row.kind, figures, file, row.where)]


def _each_once(box: Box, every: list[Mounted]) -> list[Mounted]:
    """Of those that are mounted at one place the one that is seen there (filter_mount_list)."""
    last = {row.where: row for row in every}
    return [row for row in every if last[row.where] is row]


def _chosen(args: Args) -> list[str]:
    if args.output is not None:
        return list(args.output)
    inodes = ("itotal", "iused", "iavail", "ipcent")
    figures = inodes if args.inodes else ("size", "used", "avail", "pcent")
    return ["source", *(["fstype"] if args.print_type else []), *figures, "target"]


def _heading(name: str, unit: Unit, args: Args) -> str:
    posix = args.portability and not args.inodes and not unit.base
    if name == "size" and not unit.base:
        return f"{unit.size if posix else _block_name(unit.size)}-blocks"
    if name == "avail" and (unit.base or args.output is not None):
        return "Avail"
    return "Capacity" if name == "pcent" and posix else _HEADINGS[name]


def _block_name(size: int) -> str:
    """`1K`, `512B`, `1MB`: as round as it can be told."""
    for base, behind in ((1024, ""), (1000, "B")):
        power = 0
        while size % base ** (power + 1) == 0 and power < 6:
            power += 1
        if power:
            letter = "KMGTPE"[power - 1]
            return f"{size // base**power}{letter.lower() if behind and power == 1 else letter}{behind}"
    return f"{size}B"


def _sum(rows: list[Row]) -> Kstatfs:
    """Of all that is known, in bytes (add_to_grand_total)."""
    known = [row.figures for row in rows if row.figures is not None]

    def total(name: str, *, blocks: bool = True) -> int:
        figures = [(getattr(one, name), one.bsize if blocks else 1) for one in known]
        return sum(figure * size for figure, size in figures if figure < UNLIMITED - 1)

    files, free = total("files", blocks=False), total("ffree", blocks=False)
    return Kstatfs(0, 1, total("blocks"), total("bfree"), total("bavail"), files, free)


def _share(used: int | None, left: int | None) -> str:
    return "-" if used is None or left is None or not used + left else f"{-(-100 * used // (used + left))}%"


def _cells(chosen: list[str], unit: Unit, row: Row) -> list[str]:
    buf = row.figures or Kstatfs(0, 1, *[UNLIMITED] * 5)

    def known(figure: int) -> int | None:
        return figure if figure < UNLIMITED - 1 else None

    def used(whole: int, free: int) -> int | None:
        return None if known(whole) is None or known(free) is None else whole - free

    def size(blocks: int | None) -> str:
        return "-" if blocks is None else unit.shown(blocks * buf.bsize)

    def count(number: int | None) -> str:
        return "-" if number is None else human(number, unit.base) if unit.base else str(number)

    taken, iused, left = used(buf.blocks, buf.bfree), used(buf.files, buf.ffree), known(buf.bavail)
    cells = {
        "source": row.source, "fstype": row.kind, "file": row.file, "target": row.target,
        "size": size(known(buf.blocks)), "used": size(taken), "avail": size(left), "pcent": _share(taken, left),
        "itotal": count(known(buf.files)), "iused": count(iused), "iavail": count(known(buf.ffree)),
        "ipcent": _share(iused, known(buf.ffree)),
    }  # fmt: skip
    return ["".join(char if char.isprintable() else "?" for char in cells[name]) for name in chosen]


def _table(io: IO, chosen: list[str], rows: list[list[str]]) -> None:
    wide = [max(_LEAST.get(name, 5), *(len(row[at]) for row in rows)) for at, name in enumerate(chosen)]
    for row in rows:
        cells = [cell.ljust(wide[at]) if name in _LEFT else cell.rjust(wide[at])
                 for at, (name, cell) in enumerate(zip(chosen, row, strict=True))]  # fmt: skip
        if chosen[-1] in _LEFT:
            cells[-1] = row[-1]
        io.out(" ".join(cells) + "\n")
