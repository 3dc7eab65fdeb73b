"""The one interface to the slab allocator (include/linux/slab.h): what SLAB and SLUB both are to everybody else.

`box.slab` is a `SlabAllocator`; which one, the machine decides. A cache is a handle: outside this folder only the
fields of `KmemCache` are read, and everything else is asked for here. Addresses are kernel virtual ones, sizes bytes.

No known deviations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL

if TYPE_CHECKING:
    from memsh.linux.box import Box

SLAB_HWCACHE_ALIGN = 0x2000
SLAB_CACHE_DMA = 0x4000
SLAB_RECLAIM_ACCOUNT = 0x20000
SLAB_TYPESAFE_BY_RCU = 0x80000
SLAB_NOLEAKTRACE = 0x800000
SLAB_ACCOUNT = 0x4000000
NUMA_NO_NODE = -1
KMALLOC_MAX_CACHE_SIZE, KMALLOC_MAX_SIZE = 8192, 4 << 20


class KmemCache:
    """What a cache is to those who use it: `num` objects of `size` bytes in a slab of 2^gfporder pages.

    `object_size` is what was asked for, `ctor` the constructor's name ("" without one), `refcount` how many names
    it serves (-1: it is never merged), `addr` where its struct kmem_cache lies.
    """

    __slots__ = (
        "addr", "align", "allocflags", "ctor", "flags", "gfporder", "name", "num", "object_size", "refcount", "size",
    )  # fmt: skip

    name: str
    object_size: int
    size: int
    align: int
    flags: int
    num: int
    gfporder: int
    allocflags: int
    ctor: str
    refcount: int
    addr: int

    @property
    def reclaimable(self) -> bool:
        return bool(self.flags & SLAB_RECLAIM_ACCOUNT)


Cache = TypeVar("Cache", bound=KmemCache)


class Charger(Protocol):
    """Who is charged for kernel memory: memory cgroups."""

    def current(self) -> object | None:
        """The object cgroup of the current task, None in the root."""

    def charge(self, objcg: object, size: int, gfp: int) -> bool:
        """Charge so many bytes; False if that is too much."""

    def uncharge(self, objcg: object, size: int) -> None:
        """Give so many bytes back."""

    def mod_objcg_state(self, objcg: object, reclaimable: bool, size: int) -> None:
        """So many bytes more, or less, are in objects."""


class SlabInfo(NamedTuple):
    """What get_slabinfo() counts."""

    name: str
    size: int
    active_objs: int
    num_objs: int
    active_slabs: int
    num_slabs: int
    shared_avail: int
    limit: int
    batchcount: int
    shared: int
    objects_per_slab: int
    cache_order: int


class Count(NamedTuple):
    """A cache in a census: objects as slabinfo counts the active ones, slabs, objects that a CPU has at hand."""

    objects: int
    slabs: int
    waiting: int


class Object(NamedTuple):
    """Where an address lies: object `number`, which begins at `addr`, of a slab of `cache`.

    The slab's first object begins at `slab`; `used` of its objects are out, as the slab itself counts them.
    """

    cache: KmemCache
    addr: int
    number: int
    slab: int
    used: int


class SlabFacts(NamedTuple):
    """One slab as its allocator knows it: `pfn` its first frame, `addr` object 0, `free` its free list, next first.

    `place` says where it hangs (SLAB: full, partial, free; SLUB: cpu 0, cpu 0 partial, node 0 partial, full, dying);
    `inuse` is the slab's own count, `broken` says what of it cannot be ("" if nothing).
    """

    pfn: int
    order: int
    addr: int
    objects: int
    inuse: int
    free: list[int]
    place: str
    broken: str


class Waiting(NamedTuple):
    """Objects that are out of their slabs and free: an array cache, by address, the next to be handed out last.

    At most `limit` of them.
    """

    name: str
    addrs: list[int]
    limit: int


class Group(NamedTuple):
    """Slabs of a picture under one title: (address, a mark an object); `total` of them, more than may be drawn."""

    title: str
    total: int
    slabs: Iterable[tuple[int, str]]


class Picture(NamedTuple):
    """What `slab NAME` draws: lines, the groups of slabs, a last line."""

    head: list[str]
    groups: list[Group]
    foot: str


class Row(NamedTuple):
    """What is taken of one line of a recorded /proc/slabinfo."""

    name: str
    active_objs: int
    size: int
    objects_per_slab: int
    active_slabs: int
    num_slabs: int


class SlabState(NamedTuple):
    """A slab of a recorded machine: CPU `cpu`'s own (`own` its list there), one of its partial slabs, or (`cpu` -1) one
    of node `node`'s. `free` is the slab's own list, first object first; `slabs` how many partial slabs from it on."""

    pfn: int
    inuse: int
    objects: int
    cpu: int = -1
    node: int = 0
    partial: bool = False
    slabs: int = 0
    own: tuple[int, ...] = ()
    free: tuple[int, ...] = ()


class CacheState(NamedTuple):
    """A cache of a recorded machine: its figures by name, its slabs with lists in order, (slabs, objects) a node."""

    name: str
    figures: dict[str, int]
    slabs: list[SlabState]
    nodes: list[tuple[int, int]]


class BootCache(NamedTuple):
    """A cache that the kernel makes while it boots, and how many objects it keeps: with one CPU, with several."""

    name: str
    object_size: int
    flags: int = 0
    one: int = 0
    many: int = 0
    align: int = 0
    ctor: str = ""
    usersize: int = 0

    def __deepcopy__(self, memo: object) -> BootCache:
        return self


class BootCaches(NamedTuple):
    """The caches of a machine in the order of their creation; `aliases`: names that another cache serves.

    `kmalloc`: objects kept of a kmalloc cache, with one CPU, with several. `held`: what SLUB holds of a cache, in the
    words of the machine's file; there were `blocks` blocks of memory, each of which takes `per_block` objects;
    a CPU more takes `per_cpu`. `unmerged`: the caches with slab_nomerge, where other names are caches, too.
    """

    caches: tuple[BootCache, ...]
    aliases: dict[str, str]
    kmalloc: dict[str, tuple[int, int]]
    held: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 (a NamedTuple's default)
    per_block: dict[str, int] = {}  # noqa: RUF012
    blocks: tuple[int, ...] = ()
    per_cpu: dict[str, int] = {}  # noqa: RUF012
    unmerged: tuple[BootCache, ...] = ()


class SlabAllocator(ABC, Generic[Cache]):
    """`box.slab`. `caches` are all caches by name, in the order in which they were created.

    `boot_objects` are those that the kernel keeps, by cache; who takes over one of them pops it. `memcg` is who pays
    for objects with __GFP_ACCOUNT, None while there are no cgroups. `percpu` is what a CPU's free objects wait in.
    """

    percpu: ClassVar[str]

    def __init__(self, box: Box, boot: BootCaches) -> None:
        self.box = box
        self.trace = box.trace
        self.boot = boot
        self.caches: dict[str, Cache] = {}
        self.aliases: dict[str, str] = {}
        self.boot_objects: dict[str, array[int]] = {}
        self.cpus = box.config.cpus
        self.plain = False
        self.changes = 0  # objects asked for and given back, caches made and ended: part of Box.pulse()
        self.memcg: Charger | None = None

    # -- objects -----------------------------------------------------------------

    @abstractmethod
    def kmem_cache_alloc(self, cache: Cache, gfp: int = GFP_KERNEL) -> int:
        """Address of an object, 0 if there is no memory."""

    @abstractmethod
    def kmem_cache_free(self, cache: Cache, addr: int) -> None:
        """Give an object back; the caller answers for it being one."""

    @abstractmethod
    def kmem_cache_alloc_bulk(self, cache: Cache, gfp: int, count: int) -> list[int]:
        """`count` objects; none at all if there is no memory for all of them."""

    @abstractmethod
    def kmem_cache_free_bulk(self, cache: Cache, addrs: Sequence[int]) -> None:
        """Give many objects back at once."""

    @abstractmethod
    def kmalloc(self, size: int, gfp: int = GFP_KERNEL) -> int:
        """Physically contiguous memory from the direct mapping; 0 if there is none, 16 for size 0 (ZERO_SIZE_PTR)."""

    @abstractmethod
    def kfree(self, addr: int) -> None:
        """Free what kmalloc gave; EINVAL (and a line in the log) for an address that it did not give."""

    @abstractmethod
    def ksize(self, addr: int) -> int:
        """Usable bytes of what kmalloc gave; EINVAL if it gave no such address."""

    @abstractmethod
    def kmalloc_slab(self, size: int, gfp: int) -> Cache:
        """The kmalloc cache for 1 to 8192 bytes."""

    # -- caches ------------------------------------------------------------------

    def find(self, name: str) -> Cache:
        """The cache that serves `name`, merged caches included. KeyError."""
        return self.caches[self.aliases.get(name, name)]

    def named(self, name: str) -> Cache | None:
        """The cache that serves `name`, merged caches included."""
        return self.caches.get(self.aliases.get(name, name))

    @abstractmethod
    def kmem_cache_create(self, name: str, size: int, align: int = 0, flags: int = 0, ctor: str = "") -> Cache:
        """A new cache of the user's. EINVAL for a bad name or size, EEXIST, ENOMEM."""

    @abstractmethod
    def kmem_cache_destroy(self, name: str) -> None:
        """End the cache of that name; EBUSY while objects of it are in use."""

    @abstractmethod
    def kmem_cache_shrink(self, cache: Cache) -> int:
        """Give every empty slab back; returns how many slabs went."""

    @abstractmethod
    def tune(self, name: str, limit: int, batchcount: int, shared: int) -> None:
        """What writing `NAME LIMIT BATCHCOUNT SHARED` to /proc/slabinfo does: EINVAL, or EIO where nothing is tuned."""

    def cpucache_init(self) -> None:
        """Start what the box's clock runs for the allocator; nothing with SLUB, which has no reaper."""

    def reap(self) -> None:
        """What the clock calls for each CPU in turn."""

    @abstractmethod
    def populate_boot(self, populations: bool = True) -> None:
        """Create the caches of a booted box in the kernel's order and take the objects that the kernel keeps.

        Without `populations` the caches stay empty but for what describes them (a recorded machine: see top_up).
        """

    def settle(self) -> None:
        """Boot is over; what is left to be done for the caches to stand as on a booted machine."""

    @abstractmethod
    def top_up(self, rows: Iterable[Row]) -> None:
        """Grow caches until their counts are a recorded machine's."""

    # -- facts -------------------------------------------------------------------

    @abstractmethod
    def slabinfo(self, cache: Cache) -> SlabInfo:
        """Counts of /proc/slabinfo (get_slabinfo)."""

    @abstractmethod
    def census(self) -> dict[str, Count]:
        """Every cache's count, by name; cheap."""

    @abstractmethod
    def object_at(self, addr: int) -> Object | None:
        """The cache, slab and object that hold an address; None outside slabs and in their unused parts."""

    def objcg_of(self, addr: int) -> object | None:
        """Whom an object is charged to; None: nobody."""
        return None

    @abstractmethod
    def slab_at(self, pfn: int) -> Object | None:
        """The same for a page frame: object 0 of the slab that the frame is part of."""

    @abstractmethod
    def bad_object(self, addr: int) -> str:
        """Why `addr` cannot be freed; "" if it is an object, of whichever cache, in use or free already: neither
        allocator looks for that."""

    @abstractmethod
    def complain(self, addr: int) -> None:
        """What the log says of kfree(addr) where it is neither an object nor a large block."""

    @abstractmethod
    def bad_kfree(self, addr: int) -> str:
        """Why kfree(addr) would be wrong; "" if kmalloc gave `addr`."""

    @abstractmethod
    def slabs(self, cache: Cache) -> Iterator[SlabFacts]:
        """Every slab of a cache, for those who check."""

    def owners(self, cache: Cache) -> Iterator[object]:
        """Who pays for each object of a cache that is charged to a memory cgroup; SLUB's alone are."""
        yield from ()

    @abstractmethod
    def arrays(self, cache: Cache) -> list[Waiting]:
        """The arrays of free objects in front of the slabs."""

    @abstractmethod
    def miscounted(self, cache: Cache) -> Iterator[str]:
        """Counters of a cache that its slabs do not bear out, a line each."""

    @abstractmethod
    def dump_unreclaimable_slab(self) -> None:
        """Write to the log how much each cache holds that nothing can be got back of."""

    @abstractmethod
    def slab_frames(self) -> int:
        """How many page frames are known to belong to a slab."""

    # -- /sys/kernel/slab, of SLUB only --------------------------------------------

    def folders(self) -> dict[str, Cache]:
        """Every folder's name and whose it is; none with SLAB."""
        return {}

    def folder(self, name: str) -> Cache | None:
        """Whose the folder of that name is."""
        return self.folders().get(name)

    def link(self, name: str) -> str:
        """Where the link of that name leads to, "" if there is none."""
        return self.links().get(name, "")

    def links(self) -> dict[str, str]:
        """Every symbolic link beside the folders, and which it leads to."""
        return {}

    def attributes(self) -> dict[str, int]:
        """Every file of a folder and its mode."""
        return {}

    def attribute(self, cache: Cache, name: str) -> str:
        """The text of such a file."""
        raise KernelError("ENOENT")

    def store_attribute(self, cache: Cache, name: str, text: str) -> None:
        """Write to such a file: EIO, EINVAL or ERANGE for what it does not take."""
        raise KernelError("ENOENT")

    # -- a recorded machine with SLUB ------------------------------------------------

    def restore(self, states: Iterable[CacheState]) -> None:
        """Give caches the lists of a recorded machine. ValueError with SLAB, which has none like these."""
        for state in states:
            raise ValueError(f"slabstate.txt: {state.name} is a cache of SLUB, and this machine has SLAB")

    # -- in words ----------------------------------------------------------------

    @abstractmethod
    def standing(self, cache: Cache) -> tuple[int, ...]:
        """Figures that `taken` and `given` compare with those after."""

    @abstractmethod
    def taken(self, cache: Cache, before: tuple[int, ...]) -> str:
        """In words where an object came from that was taken since `before`."""

    def taken_back_by(self, cache: Cache, owner: Cache) -> Cache:
        """Whose lists change when an object of `owner` is freed to `cache`."""
        return cache

    @abstractmethod
    def given(self, cache: Cache, before: tuple[int, ...]) -> str:
        """In words where an object went that was freed since `before`."""

    @abstractmethod
    def will_take(self, cache: Cache) -> str:
        """In words where the next object will come from."""

    @abstractmethod
    def will_give(self, cache: Cache, addr: int) -> str:
        """In words where an object will go when it is freed; "" if there is nothing to tell yet."""

    @abstractmethod
    def keeps(self, cache: Cache) -> str:
        """In words how much of what is free a cache keeps."""

    @abstractmethod
    def shape(self, cache: Cache) -> str:
        """In words how a cache keeps its free objects."""

    @abstractmethod
    def lists(self, cache: Cache) -> dict[str, int]:
        """How many slabs (or objects) are on each of its lists, by the list's name."""

    @abstractmethod
    def picture(self, cache: Cache) -> Picture:
        """The cache from the inside."""
