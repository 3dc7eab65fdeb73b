"""lsblk: the block devices, from /sys/block (util-linux 2.38.1, misc-utils/lsblk.c).

**Known deviations:** what udev and the devices themselves would tell (file systems, labels, UUIDs, owners) is refused.
There are no partitions, and nothing lies on top of a disk.
"""

from __future__ import annotations

from memsh.digits import is_digits
from memsh.procps import smartcols
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.procps.smartcols import Cell, Column, Row, Style
from memsh.procps.utillinux import Opt, human_size, program
from memsh.proctext import mountinfo, swaps

NOT_ALL = 64
NONE = 32
RAM_MAJOR = 1
SIZES = ("SIZE", "DISC-GRAN", "DISC-MAX", "WSAME", "ZONE-SZ", "ZONE-APP", "ZONE-WGRAN")
QUEUE = {
    "DISC-GRAN": "discard_granularity", "DISC-MAX": "discard_max_bytes", "DISC-ZERO": "discard_zeroes_data",
    "LOG-SEC": "logical_block_size", "MIN-IO": "minimum_io_size", "OPT-IO": "optimal_io_size",
    "PHY-SEC": "physical_block_size", "RA": "read_ahead_kb", "RAND": "add_random", "ROTA": "rotational",
    "RQ-SIZE": "nr_requests", "WSAME": "write_same_max_bytes", "ZONED": "zoned", "ZONE-NR": "nr_zones",
    "ZONE-AMAX": "max_active_zones", "ZONE-OMAX": "max_open_zones", "ZONE-APP": "zone_append_max_bytes",
    "ZONE-WGRAN": "zone_write_granularity",
}  # fmt: skip
COLUMNS = {
    one.name: one
    for one in (
        Column("ALIGNMENT", "alignment offset", right=True, kind="n"),
        Column("DISC-ALN", "discard alignment offset", right=True, kind="n"),
        Column("DISC-GRAN", "discard granularity", right=True), Column("DISC-MAX", "discard max bytes", right=True),
        Column("DISC-ZERO", "discard zeroes data", right=True, kind="b"),
        Column("KNAME", "internal kernel device name"),
        Column("LOG-SEC", "logical sector size", right=True, kind="n"), Column("MAJ:MIN", "major:minor device number"),
        Column("MIN-IO", "minimum I/O size", right=True, kind="n"), Column("NAME", "device name", tree=True),
        Column("OPT-IO", "optimal I/O size", right=True, kind="n"), Column("PATH", "path to the device node"),
        Column("PHY-SEC", "physical sector size", right=True, kind="n"),
        Column("RA", "read-ahead of the device", right=True, kind="n"),
        Column("RAND", "adds randomness", right=True, kind="b"), Column("RM", "removable device", right=True, kind="b"),
        Column("RO", "read-only device", right=True, kind="b"),
        Column("ROTA", "rotational device", right=True, kind="b"),
        Column("RQ-SIZE", "request queue size", right=True, kind="n"), Column("SCHED", "I/O scheduler name"),
        Column("SIZE", "size of the device", right=True, width=5), Column("MOUNTPOINT", "where the device is mounted"),
        Column("MOUNTPOINTS", "all locations where device is mounted", kind="a"), Column("TYPE", "device type"),
        Column("WSAME", "write same max bytes", right=True), Column("ZONED", "zone model"),
        Column("ZONE-SZ", "zone size", right=True), Column("ZONE-WGRAN", "zone write granularity", right=True),
        Column("ZONE-APP", "zone append max bytes", right=True),
        Column("ZONE-NR", "number of zones", right=True, kind="n"),
        Column("ZONE-OMAX", "maximum number of open zones", right=True, kind="n"),
        Column("ZONE-AMAX", "maximum number of active zones", right=True, kind="n"),
    )
}  # fmt: skip
DEFAULT = ("NAME", "MAJ:MIN", "RM", "SIZE", "RO", "TYPE", "MOUNTPOINTS")
SETS = {
    "D": ("NAME", "DISC-ALN", "DISC-GRAN", "DISC-MAX", "DISC-ZERO"),
    "z": ("NAME", "ZONED", "ZONE-SZ", "ZONE-NR", "ZONE-AMAX", "ZONE-OMAX", "ZONE-APP", "ZONE-WGRAN"),
    "t": ("NAME", "ALIGNMENT", "MIN-IO", "OPT-IO", "PHY-SEC", "LOG-SEC", "ROTA", "SCHED", "RQ-SIZE", "RA", "WSAME"),
}
_LACKS = [("E", "dedup", " <column>"), ("O", "output-all", ""), ("S", "scsi", ""), ("f", "fs", ""), ("m", "perms", ""),
          ("w", "width", " <num>"), ("", "sysroot", " <dir>")]  # fmt: skip
PROGRAM = program(
    "lsblk", "[options] [<device> ...]", "List information about block devices.",
    [Opt("A", "noempty", "", "don't print empty devices"), Opt("D", "discard", "", "print discard capabilities"),
     Opt("I", "include", " <list>", "show only devices with specified major numbers"),
     Opt("J", "json", "", "use JSON output format"),
     Opt("M", "merge", "", "group parents of sub-trees (usable for RAIDs, Multi-path)"),
     Opt("P", "pairs", "", 'use key="value" output format'),
     Opt("T", "tree", "[=<column>]", "use tree format output"), Opt("a", "all", "", "print all devices"),
     Opt("b", "bytes", "", "print SIZE in bytes rather than in human readable format"),
     Opt("d", "nodeps", "", "don't print slaves or holders"),
     Opt("e", "exclude", " <list>", "exclude devices by major number (default: RAM disks)"),
     Opt("i", "ascii", "", "use ascii characters only"), Opt("l", "list", "", "use list format output"),
     Opt("n", "noheadings", "", "don't print headings"), Opt("o", "output", " <list>", "output columns"),
     Opt("p", "paths", "", "print complete device path"), Opt("r", "raw", "", "use raw output format"),
     Opt("s", "inverse", "", "inverse dependencies"), Opt("t", "topology", "", "output info about topology"),
     Opt("x", "sort", " <column>", "sort output by <column>"), Opt("z", "zoned", "", "print zone related information"),
     Opt("y", "shell", "", "use column names to be usable as shell variable identifiers"),
     *(Opt(letter, name, value, "not on this box") for letter, name, value in _LACKS)],
    22, tail=smartcols.listed(COLUMNS, 13), exclusive=("JPr", "Ie"),
)  # fmt: skip


class Disks:
    """/sys/block, and where its devices are used."""

    def __init__(self, reader: ProcReader) -> None:
        self.reader = reader
        self.used: dict[str, list[str]] = {}
        for mount in mountinfo.parse(self.text("/proc/self/mountinfo")):
            self.used.setdefault(mount.device, []).append(mount.target)
        for area in swaps.parse(self.text("/proc/swaps")):
            self.used.setdefault(area.name.removeprefix("/dev/"), []).append("[SWAP]")
        names = reader.listdir("/sys/block")
        self.names = sorted(names, key=lambda name: [int(part or 0) for part in self.of(name, "dev").split(":")])

    def text(self, path: str) -> str:
        try:
            return self.reader.read(path).strip()
        except OSError:
            return ""

    def of(self, name: str, what: str) -> str:
        return self.text(f"/sys/block/{name}/{what}")

    def size(self, name: str) -> int:
        return int(self.of(name, "size") or 0) * 512

    def cells(self, name: str, given: str) -> dict[str, Cell]:
        device = self.of(name, "dev")
        major, _, minor = device.partition(":")
        used = self.used.get(device, []) + self.used.get(name, [])
        cells: dict[str, Cell] = {column: self.of(name, f"queue/{file}") for column, file in QUEUE.items()}
        schedulers = self.of(name, "queue/scheduler")
        scheduler = schedulers.partition("[")[2].partition("]")[0] or schedulers
        cells |= {
            "ALIGNMENT": self.of(name, "alignment_offset"), "DISC-ALN": self.of(name, "discard_alignment"),
            "KNAME": name, "NAME": f"/dev/{name}" if "p" in given else name, "PATH": f"/dev/{name}",
            "MAJ:MIN": device if set(given) & set("JPr") else f"{major:>3}:{minor:<3}",
            "RM": self.of(name, "removable"), "RO": self.of(name, "ro"), "SCHED": scheduler,
            "SIZE": str(self.size(name)), "TYPE": "loop" if name.startswith("loop") else "disk",
            "MOUNTPOINT": used[0] if used else "", "MOUNTPOINTS": used,
            "ZONE-SZ": str(512 * int(chunk) if is_digits(chunk := self.of(name, "queue/chunk_sectors")) else 0),
        }  # fmt: skip
        for column in ("ZONE-AMAX", "ZONE-OMAX"):
            cells[column] = cells[column] or "0"  # a disk without zones has no such files
        for column in SIZES:
            cell = cells[column]
            if isinstance(cell, str) and is_digits(cell) and "b" not in given:
                cells[column] = human_size(int(cell))
        return cells


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """What lsblk prints; the status is 32 if none of the devices is there, 64 if some are not."""
    given, output, order = "", None, ""
    majors: dict[str, list[int]] = {}
    operands: list[str] = []
    for option, value in PROGRAM.options(argv, operands):
        lacking = next((name for letter, name, _ in _LACKS if option == (letter or name)), None)
        if lacking is not None:
            raise PROGRAM.die(f"--{lacking}: not on this box")
        given += option
        if option == "o":
            output = value
        elif option in ("I", "e"):
            words = (value or "").split(",")
            if not all(map(is_digits, words)):
                raise PROGRAM.die(f"failed to parse list '{value}'")
            majors[option] = list(map(int, words))
        elif option == "x":
            order = (value or "").upper()
    default = next((SETS[letter] for letter in reversed(given) if letter in SETS), DEFAULT)
    columns = smartcols.chosen("lsblk", COLUMNS, ",".join(default) if output is None else output, default)
    if order and order not in COLUMNS:
        raise PROGRAM.die(f"unknown column: {order}")
    try:
        disks = Disks(reader)
    except OSError as error:
        raise PROGRAM.die(f"failed to access sysfs directory: /sys/dev/block: {error.strerror}") from None
    if operands:
        names = [word.removeprefix("/dev/") for word in operands]
        missing = [word for word, name in zip(operands, names, strict=True) if name not in disks.names]
        names = [name for name in names if name in disks.names]
    else:
        missing, names = [], [name for name in disks.names if _is_shown(disks, name, given, majors)]
    if order:
        exact = {name: disks.cells(name, "bJ")[order] for name in names}
        names.sort(key=lambda name: _key(exact[name]))
    if "b" in given:
        columns = [one._replace(kind="n") if one.name in SIZES else one for one in columns]
    form = next((letter for letter in "JPr" if letter in given), "")
    if names:
        rows = [Row(disks.cells(name, given)) for name in names]
        yield smartcols.text(columns, rows, Style(form, "n" not in given, "blockdevices", "y" in given))
    if missing:
        complaint = "".join(f"lsblk: {word}: not a block device\n" for word in missing)
        raise Exit(NOT_ALL if names else NONE, complaint)


def _key(cell: Cell) -> tuple[int, str]:
    text = cell if isinstance(cell, str) else " ".join(cell or [])
    return (int(text), "") if is_digits(text) else (0, text)


def _is_shown(disks: Disks, name: str, given: str, majors: dict[str, list[int]]) -> bool:
    major = int(disks.of(name, "dev").partition(":")[0] or 0)
    if "I" in majors:
        return major in majors["I"] and ("a" in given or disks.size(name) > 0)
    if "a" in given:
        return True
    return major not in majors.get("e", [RAM_MAJOR]) and disks.size(name) > 0
