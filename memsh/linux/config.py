"""What a person chose of a machine: a frozen description, all sizes in bytes.

Limits and defaults that depend on the architecture are its `Arch`'s; the other defaults are the recorded machine's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from memsh.digits import is_digits
from memsh.linux.arch.x86.arch import Arch
from memsh.linux.arch.x86.i386.arch import I386
from memsh.linux.arch.x86.x86_64.arch import X86_64

MIB = 1 << 20
GIB = 1 << 30
ARCHES: dict[str, Arch] = {arch.name: arch for arch in (I386, X86_64)}
DEFAULT_CMDLINE = "\n"  # none was given: the architecture's own
NODE_ALIGN = 4 * MIB
NODES_MAX = 8

Nodes = tuple[tuple[int, tuple[int, ...]], ...]


def size_text(size: int) -> str:
    """`1T`, `64M`: in the largest unit that divides it."""
    for shift, unit in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
        if size and not size & ((1 << shift) - 1):
            return f"{size >> shift}{unit}"
    return str(size)


@dataclass(frozen=True, slots=True)
class Config:
    """One machine. `cmdline` is the kernel command line as typed.

    `nodes` has (bytes, CPUs) of each NUMA node; empty: one node. `distance` is that between any two of them. CPUs and
    nodes are those that the kernel uses; what the machine has, whatever nr_cpus=, maxcpus= and numa=off say of it, is
    in `firmware_cpus` and `firmware_nodes`, and `present` are the CPUs that could be used.
    """

    ram: int = GIB
    cpus: int = 1
    swap: int = 0
    cmdline: str = DEFAULT_CMDLINE
    age: int = 0  # seconds of everyday churn before the first command
    arch: str = "i386"
    nodes: Nodes = ()
    distance: int = 20
    seed: int = 0  # of what the kernel draws at random
    firmware_cpus: int = field(init=False, default=0)
    firmware_nodes: Nodes = field(init=False, default=())
    present: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.arch not in ARCHES:
            raise ValueError(f"there is no machine '{self.arch}': {' or '.join(ARCHES)}")
        arch = ARCHES[self.arch]
        if self.cmdline == DEFAULT_CMDLINE:
            object.__setattr__(self, "cmdline", arch.cmdline)
        if not arch.ram_min <= self.ram <= arch.ram_max:
            least, most = size_text(arch.ram_min), size_text(arch.ram_max)
            raise ValueError(f"RAM must be from {least} to {most}, not {self.ram} bytes")
        if not 1 <= self.cpus <= arch.cpus_max:
            raise ValueError(f"CPUs must be from 1 to {arch.cpus_max}, not {self.cpus}")
        if not 0 <= self.swap <= 64 * GIB:
            raise ValueError(f"swap must be from 0 to 64G, not {self.swap} bytes")
        self._check_nodes(arch)
        self._restrict()

    def _restrict(self) -> None:
        """nr_cpus=, maxcpus=, nosmp, numa=off (kernel/smp.c, arch/x86/mm/numa.c)."""
        whole = {"firmware_cpus": self.cpus, "firmware_nodes": self.nodes}
        limit = self._number("nr_cpus", 1)
        present = min(self.cpus, limit) if limit else self.cpus
        most = 0 if self.parameter("nosmp") is not None else self._number("maxcpus", 0)
        present = 1 if most == 0 else present  # prefill_possible_map()
        cpus = present if most is None else min(present, max(1, most))
        nodes = tuple((size, tuple(cpu for cpu in its if cpu < cpus)) for size, its in self.nodes)
        if self.parameter("numa") == "off":
            nodes = ()
        for name, value in {**whole, "present": present, "cpus": cpus, "nodes": nodes}.items():
            object.__setattr__(self, name, value)

    def _number(self, name: str, least: int) -> int | None:
        """A parameter that is a number, None if it is not there, or less than that."""
        value = self.parameter(name)
        if value is None or not is_digits(value) or int(value) < least:
            return None
        return int(value)

    def _check_nodes(self, arch: Arch) -> None:
        if not self.nodes:
            if self.distance != 20:
                raise ValueError("a distance needs nodes: --nodes 2")
            return
        if not arch.numa:
            raise ValueError(f"{arch.name} has one node")
        if len(self.nodes) > NODES_MAX:
            raise ValueError(f"nodes must be from 1 to {NODES_MAX}, not {len(self.nodes)}")
        if not 11 <= self.distance <= 254:
            raise ValueError(f"a distance must be from 11 to 254, not {self.distance}")
        total = sum(size for size, _ in self.nodes)
        if total != self.ram:
            raise ValueError(f"the nodes have {size_text(total)}, the machine has {size_text(self.ram)}")
        if any(size <= 0 or size % NODE_ALIGN for size, _ in self.nodes):
            raise ValueError(f"a node's size is a multiple of {size_text(NODE_ALIGN)}")
        named = [cpu for _, cpus in self.nodes for cpu in cpus]
        twice = next((cpu for cpu in named if named.count(cpu) > 1), None)
        if twice is not None:
            raise ValueError(f"CPU {twice} belongs to two nodes")
        wrong = next((cpu for cpu in named if not 0 <= cpu < self.cpus), None)
        if wrong is not None:
            raise ValueError(f"there is no CPU {wrong}: {self.cpus} of them, from 0")
        missing = next((cpu for cpu in range(self.cpus) if cpu not in named), None)
        if missing is not None:
            raise ValueError(f"CPU {missing} belongs to no node")

    def flag(self, name: str) -> bool:
        """Whether `name=` says yes."""
        return self.parameter(name) in ("1", "y", "Y", "on")

    def parameter(self, name: str) -> str | None:
        """The value of `name=value` on the command line (the last one counts), "" for a bare word, None if absent."""
        found = None
        for word in self.cmdline.split():
            key, _, value = word.partition("=")
            if key == name:
                found = value
        return found


def nodes_text(nodes: Nodes) -> str:
    """`4G:0-1,4G:2-3`: the nodes as `--nodes` takes them."""
    return ",".join(f"{size_text(size)}:{cpulist_text(cpus)}" for size, cpus in nodes)


def cpulist_text(cpus: Iterable[int]) -> str:
    """(0, 1, 2, 5) → `0-2,5`, as Linux prints a mask (%*pbl)."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def share_cpus(cpus: int, nodes: int) -> list[tuple[int, ...]]:
    """The CPUs of each node where they are divided evenly; what is left over goes to the first nodes."""
    edges = [-(-cpus * at // nodes) for at in range(nodes + 1)]
    return [tuple(range(*edges[at : at + 2])) for at in range(nodes)]


def parse_cpulist(text: str) -> tuple[int, ...]:
    """`0-2,5` → (0, 1, 2, 5). ValueError if it is no list of CPUs."""
    found: list[int] = []
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        if not is_digits(first) or (dash and not is_digits(last)):
            raise ValueError(f"'{text}' is no list of CPUs (0-2,5)")
        found += range(int(first), int(last or first) + 1)
        if len(found) > 4096:
            raise ValueError(f"'{text}': too many CPUs")
    return tuple(found)
