"""mm_struct, vm_area_struct, anon_vma, page tables, files: a process's objects (include/linux/mm_types.h).

Addresses are bytes, `end` is exclusive, counters are pages. Every VMA has a number, and other objects hold that number
instead of the VMA, so that no chain of references grows with the number of processes.

Known deviations: mm_struct knows its process's limits: Linux asks the current one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.flags import GFP_FOLIO, UINT_MAX
from memsh.linux.include.resource import init_rlimits
from memsh.linux.include.tlb import Tlb
from memsh.linux.lib.copying import slotwise
from memsh.linux.lib.maple_tree import MapleTree
from memsh.linux.lib.ratelimit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memsh.linux.arch.x86.aslr import Placed
    from memsh.linux.arch.x86.mmu import Mmu
    from memsh.linux.box import Box
    from memsh.linux.fs.pipe import PipeInode
    from memsh.linux.include.mempolicy import Policy
    from memsh.linux.include.sched import Task
    from memsh.linux.lib.interval_tree import IntervalTree
    from memsh.linux.lib.xarray import XArray
    from memsh.linux.mm.huge_memory.huge import HugePmd
    from memsh.linux.mm.hugetlb.reserve import HugetlbInode, ResvMap

MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES = range(4)


def linear_page_index(addr: int) -> int:
    """vm_pgoff of anonymous memory at `addr`: its page number, as far as a column of struct page holds it (32 bits)."""
    return addr >> 12 & UINT_MAX


@slotwise(flat="areas", same="tree")
class AnonVma:
    """What anonymous pages point back to. `areas`: number of each VMA on it -> number of that VMA's mm. `tree`: the
    same by pages, since somebody has looked for one; until an area changes."""

    __slots__ = ("addr", "areas", "num_active_vmas", "num_children", "number", "parent", "refcount", "root", "tree")

    def __init__(self, number: int, addr: int) -> None:
        self.number = number  # in memmap.owners
        self.addr = addr  # of the slab object
        self.root = number
        self.parent = number
        self.num_children = 0
        self.num_active_vmas = 0
        self.refcount = 1
        self.areas: dict[int, int] = {}
        self.tree: IntervalTree | None = None


@slotwise(flat="i_mmap reading written", rows="buffers", same="tree")
class AddressSpace:
    """The page cache of one inode: `pages` page index -> frame; `i_mmap` numbers of the VMAs that map it, and `tree`
    as in AnonVma.

    A page that was reclaimed leaves what workingset_eviction() said: a value entry in `pages`. `reading` are the
    requests of pages that are being read: (first index, one past the last, when they are there in µs).
    """

    __slots__ = ("buffers", "i_mmap", "inode", "number", "pages", "reading", "tree", "written")

    def __init__(self, number: int, inode: Inode, pages: XArray) -> None:
        self.number = number  # in memmap.owners
        self.inode = inode
        self.pages = pages
        self.reading: list[tuple[int, int, int]] = []
        self.buffers: dict[int, list[int]] = {}  # number of 64 pages -> their buffer_heads (0: none), how many
        self.i_mmap: dict[int, None] = {}
        self.tree: IntervalTree | None = None
        self.written: dict[int, bytes] = {}  # what the disk holds where it differs from the generated contents

    def being_read(self, index: int, usec: int) -> int:
        """When the page will be there, in µs; 0 if it is at `usec`: what the lock of a page under I/O stands for."""
        for first, last, due in self.reading:
            if first <= index < last and due > usec:
                return due
        return 0


class AddressSpaceOperations(NamedTuple):
    """What a file system does for the pages of its files (struct address_space_operations).

    `swap_backed`: the pages have nothing behind them but swap; `writeback`: what is dirty goes to where the file lies
    on a disk (BDI_CAP_WRITEBACK). `read_folio(inode, index)`: the bytes of a page that nobody wrote to. `get_pages(box,
    file, mapping, index, last)`: frames from `index` on that can be read at once, at least one, [0] for a hole.
    `write_begin(box, mapping, index, length)`: the frame to write to; `write_end(box, pfn)`: it was written to.
    `write_zeros(box, file, position, length)`: bytes written. `free_value(box, value)`: the tree no longer needs what a
    value entry says. `gfp`: what pages of the cache are asked for with (mapping_gfp_mask).
    ENOMEM, ENOSPC.
    """

    swap_backed: bool
    writeback: bool
    read_folio: Callable[[Inode, int], bytes]
    get_pages: Callable[[Box, File, AddressSpace, int, int], list[int]]
    write_begin: Callable[[Box, AddressSpace, int, int], int]
    write_end: Callable[[Box, int], None]
    write_zeros: Callable[[Box, File, int, int], int]
    free_value: Callable[[Box, int], None]
    gfp: int = GFP_FOLIO

    def __deepcopy__(self, memo: object) -> AddressSpaceOperations:
        return self


class VmOperations(NamedTuple):
    """What an area does by itself that is no anonymous memory (struct vm_operations_struct); None: what all areas do.

    `fault(box, vma, addr)`: the frame of the page at `addr`, brought in if need be, and what that fault was (MAJOR or
    0); frame 0 where it has set the entry itself. IndexError beyond the end (SIGBUS), ENOMEM. `map_pages(box, vma,
    addr, table, at)`: map what is there around entry `at` of the table; how many. `may_map_huge(box, vma, addr)`:
    whether a fault there may end with an entry of 2 MiB. `page_mkwrite(box, vma, pfn)`: a page that was clean is about
    to be written. `may_split(box, vma, addr)`: EINVAL unless the area may be cut there. `open(new, old)`, `close(box,
    vma)`: a new area stands for part of an old one; it goes. `mremap(new)`: its pages have moved. `pagesize(box,
    vma)`: of the pages that it is made of, in bytes. `set_policy(vma, policy)`, `get_policy(vma, addr)`: a NUMA policy
    that belongs to what is mapped.
    """

    fault: Callable[[Box, VmArea, int], tuple[int, int]] | None = None
    map_pages: Callable[[Box, VmArea, int, PageTable, int], int] | None = None
    may_map_huge: Callable[[Box, VmArea, int], bool] | None = None
    page_mkwrite: Callable[[Box, VmArea, int], None] | None = None
    may_split: Callable[[Box, VmArea, int], None] | None = None
    open: Callable[[VmArea, VmArea], None] | None = None
    close: Callable[[Box, VmArea], None] | None = None
    mremap: Callable[[VmArea], None] | None = None
    pagesize: Callable[[Box, VmArea], int] | None = None
    name: Callable[[VmArea], str] | None = None
    set_policy: Callable[[VmArea, Policy | None], None] | None = None
    get_policy: Callable[[VmArea, int], Policy | None] | None = None


class FileOperations(NamedTuple):
    """What a kind of file does (struct file_operations).

    `mmap(box, vma)`: the area that holds the file is made; its vm_ops; None: ENODEV. `get_unmapped_area(box, mm, addr,
    length, flags, file, offset)`: where a mapping goes. `punch_hole(box, inode, start, end)`: give up what lies in
    [start, end) bytes of the file, wherever it is mapped (fallocate); None: EOPNOTSUPP. `allocate(box, inode, length)`:
    bring in all pages up to a length; None: none is brought in. `read(box, position, length)` and `write(box, position,
    data)`: of a device, the bytes and how many were taken; None: through the page cache.
    """

    mmap: Callable[[Box, VmArea], None] | None
    get_unmapped_area: Callable[[Box, MmStruct, int, int, int, File | None, int], int]
    punch_hole: Callable[[Box, Inode, int, int], None] | None = None
    allocate: Callable[[Box, Inode, int], None] | None = None
    read: Callable[[Box, int, int], bytes] | None = None
    write: Callable[[Box, int, bytes], int] | None = None


class SuperOperations(NamedTuple):
    """What a file system does for its inodes (struct super_operations, and what goes with a name's making).

    `inode_cache`: the slab cache that their objects come from. `pinned`: names live in memory only, and stay there.
    `read_inode(box, inode)`, `new_name(box, inode)`: bring in what the disk says of it, what a new name needs; ENOMEM.
    `room(box, inode, position, length)`: how many of the bytes there is room for. `resized(box, inode, before)`: its
    size was `before`. `put(box, inode)`: an open file of it was closed. `evict(box, inode)`: its pages are gone, and
    it goes.
    """

    inode_cache: str
    pinned: bool
    read_inode: Callable[[Box, Inode], None]
    new_name: Callable[[Box, Inode], None]
    room: Callable[[Box, Inode, int, int], int]
    resized: Callable[[Box, Inode, int], None]
    put: Callable[[Box, Inode], None]
    evict: Callable[[Box, Inode], None]


class FileSystemType(NamedTuple):
    """A kind of file system: the tables that its inodes get (struct file_system_type)."""

    a_ops: AddressSpaceOperations
    f_op: FileOperations
    s_op: SuperOperations


@slotwise(same="a_ops dev f_op rdev s_op")
class Inode:
    """A file or directory. `dev` = (major, minor); `size` in bytes; `a_ops`: how its pages come and go."""

    __slots__ = (
        "a_ops", "addr", "aliases", "below", "charged", "children", "dentry", "dev", "f_op", "gid", "hugetlb",
        "mapping", "mode", "name", "nlink", "number", "opened", "parent", "pipe", "policies", "rdev", "s_op", "seed",
        "seeded", "size", "target", "uid", "usec",
    )  # fmt: skip

    def __init__(
        self, number: int, name: str, dev: tuple[int, int], kind: FileSystemType, size: int = 0, *,
        mode: int = 0o100644,
    ) -> None:  # fmt: skip
        self.a_ops = kind.a_ops
        self.f_op = kind.f_op
        self.s_op = kind.s_op
        self.number = number
        self.name = name
        self.dev = dev
        self.size = size
        self.mode = mode
        self.uid = self.gid = 0  # whose it is
        self.nlink = 1
        self.opened = 0  # files open or mapped
        self.seed = name  # names its generated contents; "" for zeros
        self.seeded = 0  # bytes of it that are generated; what is beyond is zeros until it is written
        self.usec = 0  # time of last change, microseconds since boot
        self.addr = 0  # of its object while it is in memory
        self.dentry = 0  # of its name's object
        self.aliases: list[tuple[Inode, str]] = []  # its other names: (directory, name)
        self.below = 0  # names in this directory that have one
        self.charged = 0  # pages of Committed_AS that go back with a shared anonymous mapping
        self.policies: list[tuple[int, int, Policy]] = []  # of shared memory: (first page, one past the last, policy)
        self.target = ""  # where a symbolic link leads
        self.rdev = (0, 0)  # which device it stands for: (major, minor)
        self.children: dict[str, Inode] | None = None
        self.parent: Inode | None = None
        self.mapping: AddressSpace | None = None
        self.hugetlb: HugetlbInode | None = None  # of huge pages: they are not in the page cache
        self.pipe: PipeInode | None = None  # of a named pipe that somebody has open

    @property
    def is_dir(self) -> bool:
        return self.children is not None

    @property
    def i_mmap(self) -> dict[int, None]:
        """Numbers of the areas that map it."""
        found = self.mapping or self.hugetlb
        return found.i_mmap if found is not None else {}

    @property
    def shmem(self) -> bool:
        """Whether its pages are of shared memory (shmem_mapping)."""
        return self.a_ops.swap_backed


@slotwise()
class File:
    """An open file (struct file) with its read-ahead state; `count` holders: descriptors and VMAs. `inode` has what can
    be read (f_mapping), `named` is the one that was opened (f_inode): of a disk, that of its name in /dev."""

    __slots__ = (
        "addr", "count", "inode", "mmap_miss", "named", "opened_as", "position", "ra_async", "ra_pages", "ra_prev",
        "ra_size", "ra_start", "writable",
    )  # fmt: skip

    def __init__(self, inode: Inode, path: str, *, writable: bool = False, named: Inode | None = None) -> None:
        self.inode = inode
        self.named = named or inode
        self.opened_as = path
        self.writable = writable
        self.count = 1
        self.addr = 0
        self.position = 0
        self.mmap_miss = 0
        self.ra_pages = 32
        self.ra_start = self.ra_size = self.ra_async = 0
        self.ra_prev = -1

    @property
    def path(self) -> str:
        """Where the file is now, as d_path() tells: it may have been moved, or be gone."""
        inode = self.named
        if inode.parent is None:
            return self.opened_as
        words, at = [], inode
        while at.parent is not None:
            words.append(at.name)
            at = at.parent
        return "/" + "/".join(reversed(words)) + ("" if inode.nlink else " (deleted)")


@slotwise(flat="chain_addrs", each="anon_chain", same="vm_ops")
class VmArea:
    """One mapping. `anon_chain`: the anon_vmas it is linked to, nearest first; `vm_ops`: None for anonymous memory."""

    __slots__ = (
        "addr", "anon_chain", "anon_vma", "chain_addrs", "end", "file", "flags", "mm", "number", "pgoff", "policy",
        "resv", "resv_unmapped", "start", "vm_ops",
    )  # fmt: skip

    def __init__(self, mm: MmStruct, number: int, addr: int, start: int, end: int, flags: int, pgoff: int) -> None:
        self.mm = mm
        self.number = number
        self.addr = addr
        self.start = start
        self.end = end
        self.flags = flags
        self.pgoff = pgoff
        self.file: File | None = None
        self.anon_vma: AnonVma | None = None
        self.anon_chain: list[AnonVma] = []
        self.chain_addrs: list[int] = []
        self.vm_ops: VmOperations | None = None
        self.policy: Policy | None = None  # from which nodes its pages come, if not as its process says
        self.resv: ResvMap | None = None  # of huge pages: what its private mapping has reserved (HPAGE_RESV_OWNER)
        self.resv_unmapped = False  # a huge page of it was given to its parent (HPAGE_RESV_UNMAPPED)

    @property
    def pages(self) -> int:
        return (self.end - self.start) >> 12

    @property
    def name(self) -> str:
        """What /proc/PID/maps calls an area without a file: "[vdso]", "[vvar]"; mostly nothing."""
        ops = self.vm_ops
        return ops.name(self) if ops is not None and ops.name is not None else ""

    def __repr__(self) -> str:
        return f"<VmArea {self.start:08x}-{self.end:08x} flags {self.flags:#x}>"


@slotwise(flat="ptes")
class PageTable:
    """A page of entries, `ptes`, held in frame `pfn`."""

    __slots__ = ("pfn", "ptes")

    def __init__(self, pfn: int, ptes: array[int]) -> None:
        self.pfn = pfn
        self.ptes = ptes


@slotwise()
class Directory:
    """A table above the last level, held in frame `pfn`."""

    __slots__ = ("pfn",)

    def __init__(self, pfn: int) -> None:
        self.pfn = pfn


@slotwise(flat="rss kept maple_addrs", values="tables huge", rows="hugetlb", held="rlim", same="mmu placed")
class MmStruct:
    """A process's memory. `mmap` are its areas by address; `rss` by MM_*; limits in bytes.

    `tables` has the page tables of the last level, by the address bits above theirs (`addr >> table_shift`);
    `directories[n]` those of the level n + 1 above it, likewise, the top one (`pgd_pfn`) not among them.
    """

    __slots__ = (
        "addr",
        "arg_end",
        "arg_start",
        "brk",
        "coredump_filter",
        "data_vm",
        "def_flags",
        "directories",
        "end_code",
        "end_data",
        "env_end",
        "env_start",
        "exe_file",
        "exec_vm",
        "hiwater_rss",
        "hiwater_vm",
        "huge",
        "hugetlb",
        "kept",
        "ksm_merging_pages",
        "ksm_rmap_items",
        "locked_vm",
        "maple_addrs",
        "mmap",
        "mmap_base",
        "mmap_legacy_base",
        "mmu",
        "nr_ptes",
        "number",
        "pgd_pfn",
        "placed",
        "rlim",
        "rss",
        "saved_auxv",
        "stack_vm",
        "start_brk",
        "start_code",
        "start_data",
        "start_stack",
        "table_mask",
        "table_shift",
        "tables",
        "task_size",
        "tlb",
        "topdown",
        "total_vm",
        "users",
        "vdso",
    )  # fmt: skip

    def __init__(self, number: int, addr: int, pgd_pfn: int, mmu: Mmu) -> None:
        self.number = number
        self.addr = addr
        self.pgd_pfn = pgd_pfn
        self.mmu = mmu
        self.table_shift = mmu.table_shift
        self.table_mask = mmu.entries - 1
        self.task_size = mmu.task_size
        self.users = 1
        self.mmap: MapleTree[VmArea] = MapleTree()
        self.tables: dict[int, PageTable] = {}
        self.huge: dict[int, HugePmd] = {}  # entries of 2 MiB, each in the place of a table
        self.hugetlb: dict[int, dict[int, int]] = {}  # entries of hugetlb pages: size's shift -> number -> entry
        self.directories: list[dict[int, Directory]] = [{} for _ in mmu.shifts[2:-1]]
        self.ksm_merging_pages = self.ksm_rmap_items = 0  # a copy of a process goes on with its parent's figures
        self.nr_ptes = 0
        self.rss = [0, 0, 0, 0]
        self.kept = [0, 0, 0, 0]  # of those, what the threads have not handed in (mm/memory/rss_stat.py)
        self.total_vm = self.locked_vm = self.data_vm = self.exec_vm = self.stack_vm = 0
        self.hiwater_rss = self.hiwater_vm = 0
        self.def_flags = 0
        self.start_code = self.end_code = self.start_data = self.end_data = self.start_brk = self.brk = 0
        self.saved_auxv = b""  # what execve put on the stack for the C library, AT_NULL included
        self.coredump_filter = 0x33
        self.start_stack = self.arg_start = self.arg_end = self.env_start = self.env_end = self.vdso = 0
        self.mmap_base = mmu.mmap_base
        self.mmap_legacy_base = mmu.unmapped_base
        self.topdown = True  # get_unmapped_area() looks from mmap_base downwards
        self.placed: tuple[Placed, ...] = ()  # what lies elsewhere than in a process that is not random
        self.rlim = init_rlimits(mmu.word_limit - 1, 0)  # its process's
        self.exe_file: File | None = None
        self.maple_addrs: list[int] = []
        self.tlb = Tlb()

    @property
    def map_count(self) -> int:
        return len(self.mmap)

    def counter(self, member: int) -> int:
        """A counter as the kernel shows it (get_mm_counter)."""
        return max(0, self.rss[member] - self.kept[member])

    def get_rss(self) -> int:
        """Resident pages: file, anonymous and shared memory."""
        rss, kept = self.rss, self.kept
        total = 0
        for member in (MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES):
            pages = rss[member] - kept[member]
            if pages > 0:
                total += pages
        return total

    def flush_tlb(self, start: int = 0, end: int = 1 << 64) -> None:
        """Forget the translations of [start, end)."""
        first, last = start >> 12, end - 1 >> 12
        pages = range(first, last + 1)
        known = self.tlb.keys() & pages if len(pages) < len(self.tlb) << 2 else {n for n in self.tlb if n in pages}
        for page in known:
            self.tlb.drop(page)

    def update_hiwater_rss(self) -> None:
        now = self.get_rss()
        if now > self.hiwater_rss:
            self.hiwater_rss = now

    def update_hiwater_vm(self) -> None:
        self.hiwater_vm = max(self.hiwater_vm, self.total_vm)


class Vm:
    """The machine's side of process memory (`box.vm`): every mm and VMA by number, sysctls of mm/mmap.c and mm/util.c.

    `commit` is vm_committed_as in pages; `zero_pfn` the shared page of zeros; `vdso_pfns` the two frames of the vDSO.
    """

    def __init__(self) -> None:
        self.mms: dict[int, MmStruct] = {}
        self.areas: dict[int, VmArea] = {}
        self.next_mm = 1
        self.next_area = 1
        self.free_owners: list[int] = []
        self.commit = 0
        self.refusals = RateLimit()  # of __vm_enough_memory's warning
        self.overcommit_memory = 0
        self.overcommit_ratio = 50
        self.overcommit_kbytes = 0
        self.admin_reserve_kbytes = 8192
        self.user_reserve_kbytes = 131072
        self.max_map_count = 65530
        self.mmap_min_addr = 4096
        self.fault_around_bytes = 65536
        self.legacy_va_layout = 0
        self.told_of_data_limit = False
        self.split_rss = False  # resident pages are counted a thread at a time
        self.zero_pfn = 0x1899  # in .bss of the kernel image
        self.vdso_pfns = (0x16A4, 0x16A5)  # in its .rodata
        self.vvar_pfn = 0x1750  # in its .data

    def set_split_rss(self, on: bool, tasks: Iterable[Task]) -> None:
        """Count resident pages a thread at a time, or exactly: then every thread hands in what it has kept."""
        self.split_rss = on
        if not on:
            for task in tasks:
                task.rss_stat, task.rss_events = [0, 0, 0, 0], 0
            for mm in self.mms.values():
                mm.kept = [0, 0, 0, 0]
