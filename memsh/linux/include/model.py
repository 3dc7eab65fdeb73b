"""What a machine is made of beyond the kernel's own code: handed to the box by `memsh.machines`.

The kernel asks only for what stands here, and never for a machine by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from memsh.linux.arch.x86.setup import KernelImage, Machine
    from memsh.linux.box import Box
    from memsh.linux.include.image import Image
    from memsh.linux.init.threads import Kthread
    from memsh.linux.mm.slab.api import KmemCache, SlabAllocator


class Churn(Protocol):
    """Everyday use that wears the free lists, and what it holds."""

    pages: list[tuple[int, int]]  # (first frame, order)

    def run(self, box: Box, seconds: int) -> int:
        """Churn as of `seconds` of use; answers how many allocations and frees it made."""


class Kmap(Protocol):
    """How pages get a kernel address. `count[slot]` and `page[slot]` are those of the permanent slots, if there are any
    (`slots`)."""

    slots: int

    @property
    def count(self) -> Sequence[int]: ...

    @property
    def page(self) -> Sequence[int]: ...

    def kmap(self, pfn: int) -> int:
        """The frame's kernel address; ENOMEM if all slots are taken, EINVAL if there is no such frame."""

    def kunmap(self, pfn: int) -> None:
        """Undo one kmap."""

    def fixmap(self) -> list[tuple[str, int, int]]:
        """(name, address, slots) of the fixed slots, from the top down."""


class Topology(NamedTuple):
    """Where a processor belongs (struct cpuinfo_topology); numbers as /sys/devices/system/cpu prints them."""

    package: int
    die: int
    cluster: int
    core: int


class Cache(NamedTuple):
    """One cache of every processor (struct cacheinfo); lines have 64 bytes."""

    level: int
    type: str
    kib: int
    ways: int
    whole: bool  # shared by all processors of a package
    numbered: bool = False  # by the package, not by the processor


class Start(Protocol):
    """How a machine comes up, and what its kernel image and its processors are."""

    image: KernelImage
    caches: Sequence[Cache]

    def boot(self, box: Box) -> None:
        """start_kernel(): from the firmware's map to a machine with processes. ValueError if the kernel cannot fit."""

    def machine_of(self, box: Box) -> Machine:
        """The boundaries that the zones of a recorded box tell."""

    def highmem(self, box: Box) -> Kmap:
        """How pages get a kernel address."""

    def kernel_threads(self, box: Box) -> list[Kthread]:
        """The kernel's own threads, without kthreadd, in the order of their PIDs."""

    def ioremaps(self, box: Box) -> None:
        """What a booted machine has mapped of its devices."""

    def direct_map(self, box: Box) -> list[tuple[str, int]]:
        """(size of the entries, kB that they map) of the direct mapping, smallest first."""

    def iomem(self, box: Box) -> list[tuple[int, int, int, str]]:
        """(level, first, last, name) of what lies in the physical address space."""

    def topology(self, box: Box, cpu: int) -> Topology:
        """How the processors belong together."""

    def cpuinfo(self, box: Box, cpu: int) -> list[tuple[str, str]]:
        """What /proc/cpuinfo says of a processor: (name, value)."""


class DevNode(NamedTuple):
    """A name below /dev: a block or a character device, its number (major, minor), its permissions."""

    path: str
    block: bool
    dev: tuple[int, int]
    mode: int


class DiskSpeed(NamedTuple):
    """What a request costs a disk, in µs: each, and for each page of 4 KiB."""

    latency_usec: int
    page_usec: int


class Model:
    """One kind of machine: `start` is how it comes up, `slab` makes its slab allocator, still without caches,
    `programs` tells what its disk holds, path → image, `churn` makes what `age` runs, `options` are those of the
    kernel's configuration that show (CONFIG_…, without that prefix), `facts` files of /proc that never change: path
    below it → text, `parameters` those that its command line may have, `sysfs` reads the lists of what
    /sys has (memsh.procfs.listing), `dev_nodes` names the devices of a machine of so many processors, `dynamic_debug`
    reads that of its messages for debugging (memsh.procfs.dynamic_debug), `disk` is how fast its disks are."""

    __slots__ = (
        "churn", "dev_nodes", "disk", "dynamic_debug", "facts", "options", "parameters", "programs", "slab", "start",
        "sysfs",
    )  # fmt: skip

    def __init__(self, start: Start, slab: Callable[[Box], SlabAllocator[KmemCache]],
                 programs: Callable[[], Mapping[str, Image]],
                 churn: Callable[[], Churn], options: frozenset[str], facts: Mapping[str, str],
                 parameters: frozenset[str], sysfs: Callable[[], Iterable[str]],
                 dev_nodes: Callable[[int], Iterable[DevNode]], disk: DiskSpeed,
                 dynamic_debug: Callable[[], str] = str) -> None:  # fmt: skip
        self.start, self.slab, self.programs, self.churn, self.options = start, slab, programs, churn, options
        self.facts = facts
        self.parameters = parameters
        self.sysfs = sysfs
        self.dev_nodes = dev_nodes
        self.disk = disk
        self.dynamic_debug = dynamic_debug

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self
