"""findmnt: what is mounted, from /proc/self/mountinfo (util-linux 2.38.1, misc-utils/findmnt.c).

**Known deviations:** trees are drawn in ASCII, and nothing is cut at a terminal's width. What /proc does not tell (how
full a file system is, labels, changes to come) and other tables than the kernel's are refused. Paths and tags need no
canonicalizing (-C, -c, -e): the kernel's are canonical.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from memsh.procps import smartcols
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.procps.smartcols import Column, Row, Style
from memsh.procps.utillinux import Opt, program
from memsh.proctext.mountinfo import Mount, parse

COLUMNS = {
    one.name: one
    for one in (
        Column("FSROOT", "filesystem root"), Column("FSTYPE", "filesystem type"),
        Column("FS-OPTIONS", "FS specific mount options"), Column("ID", "mount ID", right=True, kind="n"),
        Column("MAJ:MIN", "major:minor device number"), Column("OPTIONS", "all mount options"),
        Column("OPT-FIELDS", "optional mount fields"), Column("PARENT", "mount parent ID", right=True, kind="n"),
        Column("PROPAGATION", "VFS propagation flags"), Column("SOURCE", "source device"),
        Column("TARGET", "mountpoint", tree=True), Column("VFS-OPTIONS", "VFS specific mount options"),
    )
}  # fmt: skip
DEFAULT = ("TARGET", "SOURCE", "FSTYPE", "OPTIONS")
REAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "iso9660", "squashfs", "nfs", "nfs4")
_LACKS = [("s", "fstab", ""), ("p", "poll", "[=<list>]"), ("w", "timeout", " <num>"), ("b", "bytes", ""),
          ("D", "df", ""), ("d", "direction", " <word>"), ("F", "tab-file", " <path>"), ("N", "task", " <tid>"),
          ("", "output-all", ""), ("", "shadowed", ""), ("x", "verify", ""), ("", "vfs-all", "")]  # fmt: skip
PROGRAM = program(
    "findmnt", "[options]\n[options] <device> | <mountpoint>\n[options] <device> <mountpoint>\n"
    "[options] [--source <device>] [--target <path> | --mountpoint <dir>]", "Find a (mounted) filesystem.",
    [Opt("m", "mtab", "", "search in table of mounted filesystems"),
     Opt("k", "kernel", "", "search in kernel table of mounted\n                          filesystems (default)"), "\n",
     Opt("A", "all", "", "disable all built-in filters, print all filesystems"),
     Opt("a", "ascii", "", "use ASCII chars for tree formatting"),
     Opt("C", "nocanonicalize", "", "don't canonicalize when comparing paths"),
     Opt("c", "canonicalize", "", "canonicalize printed paths"),
     Opt("e", "evaluate", "", "convert tags (LABEL,UUID,PARTUUID,PARTLABEL) to device names"),
     Opt("f", "first-only", "", "print the first found filesystem only"),
     Opt("i", "invert", "", "invert the sense of matching"), Opt("J", "json", "", "use JSON output format"),
     Opt("l", "list", "", "use list format output"), Opt("n", "noheadings", "", "don't print column headings"),
     Opt("O", "options", " <list>", "limit the set of filesystems by mount options"),
     Opt("o", "output", " <list>", "the output columns to be shown"),
     Opt("P", "pairs", "", 'use key="value" output format'), Opt("", "pseudo", "", "print only pseudo-filesystems"),
     Opt("R", "submounts", "", "print all submounts for the matching filesystems"),
     Opt("r", "raw", "", "use raw output format"), Opt("", "real", "", "print only real filesystems"),
     Opt("S", "source", " <string>", "the device to mount (by name or maj:min)"),
     Opt("T", "target", " <path>", "the path to the filesystem to use"),
     Opt("", "tree", "", "enable tree format output if possible"),
     Opt("M", "mountpoint", " <dir>", "the mountpoint directory"),
     Opt("t", "types", " <list>", "limit the set of filesystems by FS types"),
     Opt("U", "uniq", "", "ignore filesystems with duplicate target"),
     Opt("u", "notruncate", "", "don't truncate text in columns"),
     Opt("v", "nofsroot", "", "don't print [/dir] for bind or btrfs mounts"),
     Opt("y", "shell", "", "use column names to be usable as shell variable identifiers"),
     *(Opt(letter, name, value, "not on this box") for letter, name, value in _LACKS)],
    24, tail=smartcols.listed(COLUMNS, 11), exclusive=("JPr",),
)  # fmt: skip


@dataclass
class Wanted:
    """What is asked for; words of the options by their letters."""

    given: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def has(self, *letters: str) -> bool:
        return any(letter in self.given for letter in letters)


def _listed(words: str, name: str) -> bool:
    """`tmpfs,proc`, `noproc,tmpfs` (mnt_match_fstype): whether the name is meant."""
    negative = words.startswith("no")
    return (name in words.removeprefix("no").split(",")) != negative


def _has_options(words: str, mount: Mount) -> bool:
    have = _options(mount).split(",")
    return all((word.removeprefix("no") not in have) if word.startswith("no") and word not in have else word in have
               for word in words.split(","))  # fmt: skip


def _options(mount: Mount) -> str:
    """mnt_merge_optstr(): the mount's own options, then the file system's; rw or ro once."""
    vfs, fs = mount.options.split(","), mount.super_options.split(",")
    lead = "ro" if "ro" in vfs[:1] + fs[:1] else "rw"
    return ",".join([lead, *(word for word in vfs + fs if word not in ("rw", "ro"))])


def _propagation(mount: Mount) -> str:
    names = [word.partition(":")[0] for word in mount.optional.split()]
    kinds = [kind for name, kind in (("shared", "shared"), ("master", "slave"), ("unbindable", "unbindable"))
             if name in names]  # fmt: skip
    return ",".join(kinds if "shared" in kinds or "unbindable" in kinds else ["private", *kinds])


def _row(mount: Mount, wanted: Wanted) -> Row:
    major, _, minor = mount.device.partition(":")
    root = "" if mount.root == "/" or wanted.has("v") else f"[{mount.root}]"
    return Row({
        "FSROOT": mount.root, "FSTYPE": mount.fstype, "FS-OPTIONS": mount.super_options, "ID": str(mount.id),
        "MAJ:MIN": mount.device if wanted.has("J", "P", "r") else f"{major:>3}:{minor:<3}",
        "OPTIONS": _options(mount), "OPT-FIELDS": mount.optional, "PARENT": str(mount.parent),
        "PROPAGATION": _propagation(mount), "SOURCE": mount.source + root, "TARGET": mount.target,
        "VFS-OPTIONS": mount.options,
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
        found = [mount for mount in mounts if fits(mount) != wanted.has("i")]
    if wanted.has("real", "pseudo"):
        found = [mount for mount in found if (mount.fstype in REAL) == wanted.has("real")]
    if wanted.has("U"):
        found = list({mount.target: mount for mount in found}.values())
    return found[:1] if wanted.has("f") else found


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


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """What findmnt prints; the status is 1 if it finds nothing."""
    wanted = Wanted()
    for option, value in PROGRAM.options(argv, wanted.words):
        lacking = next((name for letter, name, _ in _LACKS if option == (letter or name)), None)
        if lacking is not None:
            raise PROGRAM.die(f"--{lacking}: not on this box")
        wanted.given.append(option)
        if value is not None:
            wanted.values[option] = value
    output = wanted.values.pop("o", None)
    if wanted.words and wanted.has("S", "T", "M"):
        raise PROGRAM.fail("bad usage")
    if wanted.has("T") and wanted.has("M"):
        raise PROGRAM.die("mutually exclusive arguments: --mountpoint --target")
    columns = smartcols.chosen("findmnt", COLUMNS, ",".join(DEFAULT) if output is None else output)
    try:
        mounts = parse(reader.read("/proc/self/mountinfo"))
    except OSError as error:
        raise PROGRAM.die(f"can't read /proc/self/mountinfo: {error.strerror}") from None
    found = _matches(mounts, wanted)
    every = not (wanted.values or wanted.words or wanted.has("f", "real", "pseudo"))
    flat = wanted.has("l", "m", "P", "r") and not wanted.has("tree")
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
