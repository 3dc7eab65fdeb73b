"""The processors of a tree and their caches, from /proc/cpuinfo, /sys and the firmware's tables (util-linux 2.38.1,
sys-utils/lscpu-cputype.c, lscpu-topology.c, lscpu-dmi.c)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.reader import ProcReader

SYSTEM = "/sys/devices/system"


class CpuCache(NamedTuple):
    """One cache of one CPU; sizes in bytes, -1 where the tree is silent."""

    name: str
    kind: str
    level: int
    size: int
    ways: int
    sets: int
    partitions: int
    line: int
    id: int
    shared: str


@dataclass
class Cpu:
    """One logical CPU: its numbers (-1: unknown) and caches by index."""

    number: int
    online: bool = True
    core: int = -1
    socket: int = -1
    book: int = -1
    node: int = -1
    caches: list[CpuCache] = field(default_factory=list)
    siblings: str = ""
    bogomips: str = ""
    mhz: str = ""


class Firmware(NamedTuple):
    """What the firmware's table says of a processor; "" where it says nothing."""

    vendor: str = ""
    model: str = ""
    family: str = ""


def firmware(reader: ProcReader) -> Firmware:
    """The first processor of the DMI table: a structure of type 4 (parse_dmi_table)."""
    try:
        table = reader.read("/sys/firmware/dmi/tables/DMI").encode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        return Firmware()
    at = 0
    while at + 4 <= len(table) and table[at + 1] >= 4:
        kind, length = table[at], table[at + 1]
        end = table.find(b"\0\0", at + length)
        if end < 0:
            break
        if kind == 4 and length >= 0x23:
            names = [b"", *table[at + length : end].split(b"\0")]

            def said(place: int, one: bytes = table[at : at + length], names: list[bytes] = names) -> str:
                return names[one[place]].decode("ascii", "replace") if one[place] < len(names) else ""

            speed = int.from_bytes(table[at + 0x16 : at + 0x18], "little")
            model = f"{said(0x10)} {said(0x22)} CPU @ {speed // 1000}.{speed % 1000 // 100}GHz"
            return Firmware(said(7), model, str(table[at + 6]))
        at = end + 2
    return Firmware()


def cpu_list(text: str) -> list[int]:
    """`0-3,8` as numbers."""
    found: list[int] = []
    for part in text.strip().split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match:
            first, last = int(match[1]), int(match[2] or match[1])
            found += range(first, min(last, first + 65535) + 1)
    return found


def node_of_cpu(reader: ProcReader, cpu: int) -> int | None:
    """The node that a CPU belongs to; None if the tree has no folder of nodes."""
    try:
        names = [name for name in reader.listdir(f"{SYSTEM}/node") if re.fullmatch(r"node\d+", name)]
        return next((int(n[4:]) for n in names if cpu in cpu_list(reader.read(f"{SYSTEM}/node/{n}/cpulist"))), None)
    except OSError:
        return None


def list_text(numbers: list[int]) -> str:
    """Numbers as util-linux writes a list: runs of three and more as a range."""
    parts: list[str] = []
    at = 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        if end - at >= 2:
            parts.append(f"{numbers[at]}-{numbers[end]}")
        else:
            parts += map(str, numbers[at : end + 1])
        at = end + 1
    return ",".join(parts)


class Machine:
    """What the tree says about its processors."""

    def __init__(self, reader: ProcReader) -> None:
        self.reader = reader
        blocks = [block for block in re.split(r"\n\s*\n", reader.read("/proc/cpuinfo")) if block.strip()]
        self.info: dict[str, str] = {}
        numbers: list[int] = []
        tables: dict[int, dict[str, str]] = {}
        for block in blocks:
            table = {}
            for line in block.splitlines():
                label, colon, value = line.partition(":")
                if colon:
                    table[label.strip()] = value.strip()
            self.info = self.info or table
            if is_digits(table.get("processor", "")):
                numbers.append(int(table["processor"]))
                tables[numbers[-1]] = table
        present = cpu_list(self.text("cpu/possible")) or numbers
        online = set(cpu_list(self.text("cpu/online")) or numbers)
        if not self.text("cpu/present"):
            present = numbers
        else:
            present = [number for number in present if number in set(cpu_list(self.text("cpu/present")))]
        self.firmware = firmware(reader)
        self.nodes = self._nodes()
        self.cpus = [self._cpu(number, number in online, tables.get(number, {})) for number in present]

    def text(self, path: str) -> str:
        try:
            return self.reader.read(f"{SYSTEM}/{path}").strip()
        except (OSError, ValueError):
            return ""

    def number(self, path: str, default: int = -1) -> int:
        text = self.text(path)
        return int(text) if re.fullmatch(r"-?\d+", text) else default

    def names(self, path: str) -> list[str]:
        try:
            return self.reader.listdir(f"{SYSTEM}/{path}")
        except (OSError, ValueError):
            return []

    def _nodes(self) -> dict[int, list[int]]:
        found = {}
        for name in self.names("node"):
            if re.fullmatch(r"node\d+", name):
                found[int(name[4:])] = cpu_list(self.text(f"node/{name}/cpulist"))
        return dict(sorted(found.items()))

    def _cpu(self, number: int, online: bool, table: dict[str, str]) -> Cpu:
        here = f"cpu/cpu{number}"
        one = Cpu(number, online)
        one.core = self.number(f"{here}/topology/core_id", _digits(table.get("core id", "")))
        one.socket = self.number(f"{here}/topology/physical_package_id", _digits(table.get("physical id", "")))
        one.book = self.number(f"{here}/topology/book_id")
        one.bogomips, one.mhz = table.get("bogomips", table.get("BogoMIPS", "")), table.get("cpu MHz", "")
        one.siblings = self.text(f"{here}/topology/thread_siblings_list") or str(number)
        one.node = next((node for node, cpus in self.nodes.items() if number in cpus), -1)
        for at in sorted(int(name[5:]) for name in self.names(f"{here}/cache") if re.fullmatch(r"index\d+", name)):
            one.caches.append(self._cache(f"{here}/cache/index{at}", number))
        return one

    def _cache(self, path: str, cpu: int) -> CpuCache:
        kind = self.text(f"{path}/type")
        level = self.number(f"{path}/level")
        letter = {"Data": "d", "Instruction": "i"}.get(kind, "")
        size = re.fullmatch(r"(\d+)([KMG]?)", self.text(f"{path}/size"))
        return CpuCache(
            f"L{level}{letter}", kind, level,
            int(size[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[size[2]] if size else -1,
            self.number(f"{path}/ways_of_associativity"), self.number(f"{path}/number_of_sets"),
            self.number(f"{path}/physical_line_partition"), self.number(f"{path}/coherency_line_size"),
            self.number(f"{path}/id"), self.text(f"{path}/shared_cpu_list") or str(cpu),
        )  # fmt: skip

    def caches(self) -> dict[str, list[CpuCache]]:
        """Each kind of cache with its instances (told apart by their id, else by the CPUs that share them)."""
        found: dict[str, dict[int | str, CpuCache]] = {}
        for cpu in self.cpus:
            for cache in cpu.caches:
                found.setdefault(cache.name, {}).setdefault(cache.id if cache.id >= 0 else cache.shared, cache)
        return {name: list(found[name].values()) for name in sorted(found)}

    def cache_ids(self, cpu: Cpu) -> list[int]:
        """Of each kind of cache the id of the first instance that the CPU has a share in."""
        found = []
        for name, caches in self.caches().items():
            if any(cache.name == name for cache in cpu.caches):
                found.append(next((c.id for c in caches if cpu.number in cpu_list(c.shared)), -1))
        return found


def _digits(text: str) -> int:
    return int(text) if is_digits(text) else -1
