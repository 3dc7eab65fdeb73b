"""findmnt: what is mounted, from /proc/self/mountinfo (util-linux 2.38.1, misc-utils/findmnt.c).

**Known deviations:** trees are drawn in ASCII, and nothing is cut at a terminal's width. Changes to come and --verify
are refused; no tag is known, since udev has named nothing. Paths and tags need no canonicalizing (-C, -c, -e): the
kernel's are canonical.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

from memsh.digits import is_digits
from memsh.procps import smartcols
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.procps.smartcols import Column, Row, Style
from memsh.procps.utillinux import Opt, human_size, program
from memsh.proctext.mountinfo import Mount, parse, parse_fstab

COLUMNS = {
    one.name: one
    for one in (
        Column("AVAIL", "filesystem size available", right=True),
        Column("FREQ", "dump(8) period in days [fstab only]", right=True, kind="n"),
        Column("FSROOT", "filesystem root"), Column("FSTYPE", "filesystem type"),
        Column("FS-OPTIONS", "FS specific mount options"), Column("ID", "mount ID", right=True, kind="n"),
        Column("LABEL", "filesystem label"),
        Column("MAJ:MIN", "major:minor device number"), Column("OPTIONS", "all mount options"),
        Column("OPT-FIELDS", "optional mount fields"), Column("PARENT", "mount parent ID", right=True, kind="n"),
        Column("PARTLABEL", "partition label"), Column("PARTUUID", "partition UUID"),
        Column("PASSNO", "pass number on parallel fsck(8) [fstab only]", right=True, kind="n"),
        Column("PROPAGATION", "VFS propagation flags"), Column("SIZE", "filesystem size", right=True),
        Column("SOURCE", "source device"), Column("SOURCES", "all possible source devices", kind="a"),
        Column("TARGET", "mountpoint", tree=True), Column("TID", "task ID", right=True, kind="n"),
        Column("USED", "filesystem size used", right=True), Column("USE%", "filesystem use percentage", right=True),
        Column("UUID", "filesystem UUID"), Column("VFS-OPTIONS", "VFS specific mount options"),
    )
}  # fmt: skip
DEFAULT = ("TARGET", "SOURCE", "FSTYPE", "OPTIONS")
SIZES = ("SIZE", "USED", "AVAIL", "USE%")  # what statvfs() tells
DF = ("SOURCE", "FSTYPE", *SIZES, "TARGET")
VFS = {  # of each pair of options the one that is meant where the other is not written
    "ro": "rw", "noexec": "exec", "nosuid": "suid", "nodev": "dev", "sync": "async", "silent": "loud", "mand": "nomand",
    "noatime": "atime", "iversion": "noiversion", "nodiratime": "diratime", "relatime": "norelatime",
    "strictatime": "nostrictatime", "lazytime": "nolazytime", "nosymfollow": "symfollow",
}  # fmt: skip
REAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "iso9660", "squashfs", "nfs", "nfs4")
_LACKS = [("p", "poll", "[=<list>]"), ("x", "verify", "")]
PROGRAM = program(
    "findmnt", "[options]\n[options] <device> | <mountpoint>\n[options] <device> <mountpoint>\n"
    "[options] [--source <device>] [--target <path> | --mountpoint <dir>]", "Find a (mounted) filesystem.",
    [Opt("s", "fstab", "", "search in static table of filesystems"),
     Opt("m", "mtab", "", "search in table of mounted filesystems"),
     Opt("k", "kernel", "", "search in kernel table of mounted\n                          filesystems (default)"), "\n",
     Opt("w", "timeout", " <num>", "upper limit in milliseconds that --poll will block"), "\n",
     Opt("A", "all", "", "disable all built-in filters, print all filesystems"),
     Opt("a", "ascii", "", "use ASCII chars for tree formatting"),
     Opt("b", "bytes", "", "print sizes in bytes rather than in human readable format"),
     Opt("C", "nocanonicalize", "", "don't canonicalize when comparing paths"),
     Opt("c", "canonicalize", "", "canonicalize printed paths"),
     Opt("D", "df", "", "imitate the output of df(1)"),
     Opt("d", "direction", " <word>", "direction of search, 'forward' or 'backward'"),
     Opt("e", "evaluate", "", "convert tags (LABEL,UUID,PARTUUID,PARTLABEL) to device names"),
     Opt("F", "tab-file", " <path>", "alternative file for -s, -m or -k options"),
     Opt("f", "first-only", "", "print the first found filesystem only"),
     Opt("i", "invert", "", "invert the sense of matching"), Opt("J", "json", "", "use JSON output format"),
     Opt("l", "list", "", "use list format output"),
     Opt("N", "task", " <tid>", "use alternative namespace (/proc/<tid>/mountinfo file)"),
     Opt("n", "noheadings", "", "don't print column headings"),
     Opt("O", "options", " <list>", "limit the set of filesystems by mount options"),
     Opt("o", "output", " <list>", "the output columns to be shown"),
     Opt("", "output-all", "", "output all available columns"),
     Opt("P", "pairs", "", 'use key="value" output format'), Opt("", "pseudo", "", "print only pseudo-filesystems"),
     Opt("R", "submounts", "", "print all submounts for the matching filesystems"),
     Opt("r", "raw", "", "use raw output format"), Opt("", "real", "", "print only real filesystems"),
     Opt("S", "source", " <string>", "the device to mount (by name or maj:min)"),
     Opt("", "shadowed", "", "print only filesystems that are over-mounted"),
     Opt("T", "target", " <path>", "the path to the filesystem to use"),
     Opt("", "tree", "", "enable tree format output if possible"),
     Opt("M", "mountpoint", " <dir>", "the mountpoint directory"),
     Opt("t", "types", " <list>", "limit the set of filesystems by FS types"),
     Opt("U", "uniq", "", "ignore filesystems with duplicate target"),
     Opt("u", "notruncate", "", "don't truncate text in columns"),
     Opt("v", "nofsroot", "", "don't print [/dir] for bind or btrfs mounts"),
     Opt("y", "shell", "", "use column names to be usable as shell variable identifiers"),
     Opt("", "vfs-all", "", "print all VFS options"),
     *(Opt(letter, name, value, "not on this box") for letter, name, value in _LACKS)],
    24, tail=smartcols.listed(COLUMNS, 11), exclusive=("JPr",),
)  # fmt: skip


Statfs = Callable[[str], tuple[int, int, int, int] | None]
"""Of a place: bytes of a block, how many, how many are free, how many a user may have; None: it is not known."""


@dataclass
class Wanted:
    """What is asked for; words of the options by their letters."""

    given: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    statfs: Statfs | None = None
    task: str = ""

    def has(self, *letters: str) -> bool:
        return any(letter in self.given for letter in letters)


def _listed(words: str, name: str) -> bool:
    """`tmpfs,proc`, `noproc,tmpfs` (mnt_match_fstype): whether the name is meant. `no` at the beginning is for all, one
    later for its own name."""
    negative = words.startswith("no")
    first, *more = words.split(",")
    if f"no{name}" in more:
        return False
    return (name in [first.removeprefix("no"), *more]) != negative


def _has_options(words: str, mount: Mount) -> bool:
    have = _options(mount).split(",")
    return all((word.removeprefix("no") not in have) if word.startswith("no") and word not in have else word in have
               for word in words.split(","))  # fmt: skip


def _options(mount: Mount) -> str:
    """mnt_merge_optstr(): the mount's own options, then the file system's; rw or ro once."""
    if not mount.id:
        return mount.options  # as they are written in a file
    vfs, fs = mount.options.split(","), mount.super_options.split(",")
    lead = "ro" if "ro" in vfs[:1] + fs[:1] else "rw"
    return ",".join([lead, *(word for word in vfs + fs if word not in ("rw", "ro"))])


def _propagation(mount: Mount) -> str:
    names = [word.partition(":")[0] for word in mount.optional.split()]
    kinds = [kind for name, kind in (("shared", "shared"), ("master", "slave"), ("unbindable", "unbindable"))
             if name in names]  # fmt: skip
    return ",".join(kinds if "shared" in kinds or "unbindable" in kinds else ["private", *kinds])


def _vfs(options: str) -> str:
    given = options.split(",")
    return ",".join(name if name in given else other for name, other in VFS.items())


def _sizes(mount: Mount, wanted: Wanted) -> dict[str, str]:
    """What statvfs() tells of what is seen at its place."""
    told = wanted.statfs(mount.target) if wanted.statfs is not None else None
    if told is None:
        return {}
    block, blocks, free, available = told

    def size(count: int) -> str:
        return "0" if not count else str(count * block) if wanted.has("b") else human_size(count * block)

    share = f"{(blocks - free) / blocks * 100:.0f}%" if blocks else "-"
    return {"SIZE": size(blocks), "USED": size(blocks - free), "AVAIL": size(available), "USE%": share}


def _row(mount: Mount, wanted: Wanted) -> Row:
    major, _, minor = mount.device.partition(":")
    root = "" if mount.root == "/" or wanted.has("v") else f"[{mount.root}]"
    return Row({
        "FSROOT": mount.root, "FSTYPE": mount.fstype, "FS-OPTIONS": mount.super_options, "ID": str(mount.id),
        "MAJ:MIN": mount.device if wanted.has("J", "P", "r") else f"{major:>3}:{minor:<3}",
        "OPTIONS": _options(mount), "OPT-FIELDS": mount.optional, "PARENT": str(mount.parent),
        "PROPAGATION": _propagation(mount), "SOURCE": mount.source + root, "TARGET": mount.target,
        "VFS-OPTIONS": _vfs(mount.options) if wanted.has("vfs-all") else mount.options, "FREQ": mount.freq,
        "PASSNO": mount.passno, "SOURCES": [mount.source], "TID": wanted.task, **_sizes(mount, wanted),
    })  # fmt: skip


def _matches(mounts: list[Mount], wanted: Wanted) -> list[Mount]:
    """The mounts that every test lets through, or with -i those that it does not."""
    values = dict(wanted.values)
    found, either = mounts, ""
    if len(wanted.words) > 1:
        values["S"], values["M"] = wanted.words[:2]
    elif wanted.words:
        either = wanted.words[0]
    if "T" in values:
        path = posixpath.normpath(values["T"])
        inside = [m for m in mounts if path == m.target or path.startswith(m.target.rstrip("/") + "/")]
        values["M"] = max(inside, key=lambda mount: len(mount.target)).target if inside else "\0"

    def fits(mount: Mount) -> bool:
        return (
            (not either or _plain(either) in (mount.target, mount.source) or either == mount.device)
            and ("S" not in values or values["S"] in (mount.source, mount.device))
            and ("M" not in values or _plain(values["M"]) == mount.target)
            and ("t" not in values or _listed(values["t"], mount.fstype))
            and ("O" not in values or _has_options(values["O"], mount))
        )

    if values or either:
        found = [mount for mount in mounts if (fits(mount) and _is_told(mount, wanted)) != wanted.has("i")]
    else:
        found = [mount for mount in mounts if _is_told(mount, wanted)]
    if wanted.has("shadowed"):
        found = [mount for mount in found
                 if any(one.parent == mount.id and one.target == mount.target for one in mounts)]  # fmt: skip
    if wanted.has("real", "pseudo"):
        found = [mount for mount in found if (mount.fstype in REAL) == wanted.has("real")]
    if wanted.has("U"):
        found = list({mount.target: mount for mount in found}.values())
    return found[:1] if wanted.has("f") else found


def _is_told(mount: Mount, wanted: Wanted) -> bool:
    """Whether df would tell of it."""
    return not wanted.has("D") or wanted.has("A") or mount.fstype in (*REAL, "tmpfs", "devtmpfs")


def _plain(path: str) -> str:
    return posixpath.normpath(path) if path.startswith("/") else path


def _tree(mounts: list[Mount], shown: list[Mount], top: list[Mount], wanted: Wanted) -> list[Row]:
    """The rows below `top`; what is below one that is not shown goes to whom that one would have been below."""

    def rows(some: list[Mount]) -> list[Row]:
        out: list[Row] = []
        for mount in some:
            below = [one for one in ordered if one.parent == mount.id != one.id]
            if mount in shown:
                row = _row(mount, wanted)
                row.below = rows(below)
                out.append(row)
            else:
                out += rows(below)
        return out

    ordered = sorted(mounts, key=lambda one: one.id)
    return rows(top)


def _number(reader: ProcReader, task: str) -> str:
    try:
        return reader.read(f"/proc/{task}/stat").partition(" ")[0]
    except OSError:
        return ""


def _table(reader: ProcReader, wanted: Wanted, read: Callable[[str], str] | None) -> list[Mount]:
    """The table that is asked for: the kernel's, of one task or the current one, or a file."""
    file = wanted.values.pop("F", "/etc/fstab" if wanted.has("s") else "")
    task = wanted.values.pop("N", "self")
    if task != "self" and not is_digits(task):
        raise PROGRAM.die(f"invalid TID argument: '{task}'")
    path = file or f"/proc/{task}/mountinfo"
    try:
        if file and read is not None:
            return parse_fstab(read(file))
        found = parse(reader.read(path))
        wanted.task = _number(reader, task)
    except OSError as error:
        raise PROGRAM.die(f"can't read {path}: {error.strerror}") from None
    return found


def frames(reader: ProcReader, argv: list[str], statfs: Statfs | None = None,
           read: Callable[[str], str] | None = None) -> Frames:  # fmt: skip
    """What findmnt prints; the status is 1 if it finds nothing. `statfs` tells how full the file system at a place is,
    `read` reads a file of the box."""
    wanted = Wanted()
    for option, value in PROGRAM.options(argv, wanted.words):
        lacking = next((name for letter, name, _ in _LACKS if option == (letter or name)), None)
        if lacking is not None:
            raise PROGRAM.die(f"--{lacking}: not on this box")
        wanted.given.append(option)
        if value is not None:
            wanted.values[option] = value
    output = wanted.values.pop("o", None)
    direction = wanted.values.pop("d", "forward")
    if direction not in ("forward", "backward"):
        raise PROGRAM.die(f"unknown direction '{direction}'")
    timeout = wanted.values.pop("w", "0")
    if not is_digits(timeout):
        raise PROGRAM.die(f"invalid timeout argument: '{timeout}'")
    if wanted.words and wanted.has("S", "T", "M"):
        raise PROGRAM.fail("bad usage")
    if wanted.has("T") and wanted.has("M"):
        raise PROGRAM.die("mutually exclusive arguments: --mountpoint --target")
    default = COLUMNS if wanted.has("output-all") else DF if wanted.has("D") else DEFAULT
    columns = smartcols.chosen("findmnt", COLUMNS, ",".join(default) if output is None else output, default)
    if any(one.name in SIZES for one in columns):
        wanted.statfs = statfs
    mounts = _table(reader, wanted, read)
    found = _matches(mounts[::-1] if direction == "backward" else mounts, wanted)
    every = not (wanted.words or wanted.has("S", "T", "M", "f"))
    flat = wanted.has("l", "m", "P", "r", "D", "s") and not wanted.has("tree")
    flat = flat or any(not mount.id for mount in mounts)  # it does not tell what is below what
    if not found:
        raise Exit(1)
    drawn = not flat and (every or wanted.has("R", "tree", "i"))
    if drawn:
        ids = {mount.id for mount in mounts}
        top = [mount for mount in mounts if mount.parent not in ids - {mount.id}]
        rows = _tree(mounts, *((mounts, found) if wanted.has("R") else (found, top)), wanted)
    else:
        rows = [_row(mount, wanted) for mount in found]
    form = next((letter for letter in "JPr" if letter in wanted.given), "")
    yield smartcols.text(columns, rows, Style(form, not wanted.has("n"), "filesystems", wanted.has("y"), drawn))
