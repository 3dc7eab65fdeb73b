"""Segments of System V's shared memory (ipc/shm.c, ipc/util.c).

A segment is a nameless file of shared memory that lives until it is removed and nobody has it attached. Its attachments
are the areas that map it: none are counted apart.

Known deviations: one name space of IPC, one user; no huge pages; SHM_LOCK is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_KERNEL_ACCOUNT,
    MAP_FIXED,
    MAP_SHARED,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    UINT_MAX,
    VM_NORESERVE,
)
from memsh.linux.include.mm_types import File, Inode, MmStruct
from memsh.linux.kernel import sysctl
from memsh.linux.lib.copying import slotwise
from memsh.linux.mm.hugetlb.inode import hstate_of_flags, hugetlb_file_setup
from memsh.linux.mm.mmap.mmap import do_munmap, sys_mmap
from memsh.linux.mm.mmap.vmalist import areas_between
from memsh.linux.mm.shmem.shmem import shmem_file_setup
from memsh.linux.mm.shmem.shmem_swap import swapped_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box

IPC_PRIVATE = 0
IPC_CREAT, IPC_EXCL = 0o1000, 0o2000
SHM_HUGETLB, SHM_NORESERVE = 0o4000, 0o10000
SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC = 0o10000, 0o20000, 0o40000, 0o100000
SHM_DEST = 0o1000
IPCMNI_SHIFT = 15
IPC_MIN_CYCLE = 64
KERNEL_SIZE = 256  # sizeof (struct shmid_kernel)


@slotwise()
class Segment:
    """shmid_kernel. `mode` holds the permission bits and SHM_DEST; times are µs since boot, 0 = never."""

    __slots__ = ("addr", "atime", "cpid", "ctime", "dtime", "file", "id", "key", "lpid", "mode", "size")

    def __init__(self, id: int, key: int, size: int, mode: int, file: File, pid: int, now: int) -> None:
        self.id, self.key, self.size, self.mode, self.file = id, key, size, mode, file
        self.cpid, self.lpid = pid, 0
        self.atime = self.dtime = 0
        self.ctime = now
        self.addr = 0  # of the object

    @property
    def nattch(self) -> int:
        return len(self.file.inode.i_mmap)

    @property
    def resident(self) -> int:
        """Pages of it that are in memory."""
        info = self.file.inode.hugetlb
        if info is not None:
            return len(info.pages) << info.order
        mapping = self.file.inode.mapping
        return len(mapping.pages) if mapping is not None else 0

    @property
    def swapped(self) -> int:
        """Pages of it that lie in swap."""
        mapping = self.file.inode.mapping
        return sum(1 for _ in swapped_pages(mapping, 0, self.pages)) if mapping is not None else 0

    @property
    def pages(self) -> int:
        return -(-self.size // 4096)


def _huge_file(box: Box, name: str, size: int, flags: int) -> File:
    """The file of a segment of huge pages, which are all reserved at once (newseg). EINVAL, ENOMEM, ENOSPC."""
    h = hstate_of_flags(box, flags)
    whole = -(-size // h.size) * h.size
    kept = VM_NORESERVE if flags & SHM_NORESERVE else 0
    return hugetlb_file_setup(box, h, f"/{name} (deleted)", whole, kept, shm=True)


class Shm:
    """`box.shm`: the segments by their places in the table, and what numbers were given (struct ipc_ids)."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.ids: dict[int, Segment] = {}
        self.seq = 0
        self.last_idx = -1
        self.total = 0  # pages (shm_tot)

    def _place(self) -> int:
        """The next free place, around and around (idr_alloc_cyclic); counts how often it began anew."""
        most = min(max(len(self.ids) * 3 // 2, IPC_MIN_CYCLE), 1 << IPCMNI_SHIFT)
        order = [*range(self.last_idx + 1, most), *range(most)]
        index: int = next(at for at in order if at not in self.ids)
        if index <= self.last_idx:
            self.seq = (self.seq + 1) % (1 << 31 - IPCMNI_SHIFT)
        self.last_idx = index
        return index

    def find(self, id: int) -> Segment:
        """EINVAL for a number that is none's."""
        found = self.ids.get(id & (1 << IPCMNI_SHIFT) - 1)
        if found is None or found.id != id:
            raise KernelError("EINVAL", f"no segment {id}")
        return found

    def by_key(self, key: int) -> Segment | None:
        return next((one for one in self.ids.values() if one.key == key), None) if key != IPC_PRIVATE else None

    def shmget(self, key: int, size: int, flags: int) -> int:
        """The number of the segment of that key, made if there is none and `flags` say so.

        EEXIST, ENOENT, EINVAL (too small, too large), ENOSPC (shmmni, shmall), ENOMEM.
        """
        box = self.box
        known = self.by_key(key)
        if known is not None:
            if flags & IPC_CREAT and flags & IPC_EXCL:
                raise KernelError("EEXIST")
            if size > known.size:
                raise KernelError("EINVAL", f"the segment has {known.size} bytes")
            return known.id
        if key != IPC_PRIVATE and not flags & IPC_CREAT:
            raise KernelError("ENOENT")
        pages = size + 4095 >> 12
        if not 1 <= size <= int(sysctl.get(box, "kernel.shmmax")):
            raise KernelError("EINVAL")
        if self.total + pages > int(sysctl.get(box, "kernel.shmall")) or len(self.ids) >= int(
            sysctl.get(box, "kernel.shmmni")
        ):
            raise KernelError("ENOSPC")
        box.changes += 1
        noreserve = VM_NORESERVE if flags & SHM_NORESERVE and box.vm.overcommit_memory != 2 else 0
        addr = box.slab.kmalloc(KERNEL_SIZE, GFP_KERNEL_ACCOUNT)
        if not addr:
            raise KernelError("ENOMEM", "no memory for a shmid_kernel")
        try:
            name = f"SYSV{key & UINT_MAX:08x}"
            if flags & SHM_HUGETLB:
                file = _huge_file(box, name, size, flags)
            else:
                file = shmem_file_setup(box, name, size, noreserve)
        except KernelError:
            box.slab.kfree(addr)
            raise
        index = self._place()
        made = Segment((self.seq << IPCMNI_SHIFT) + index, key, size, flags & 0o777, file, box.current.tgid, self.now())
        made.addr = addr
        file.inode.number = made.id
        self.ids[index] = made
        self.total += made.pages
        return made.id

    def now(self) -> int:
        return self.box.timer.usec

    def shmat(self, mm: MmStruct, id: int, addr: int = 0, flags: int = 0) -> int:
        """Attach a segment; where. EINVAL, EIDRM (removed), ENOMEM."""
        box = self.box
        if id < 0:
            raise KernelError("EINVAL")
        where = 0
        if addr:
            if addr & 4095:
                if not flags & SHM_RND:
                    raise KernelError("EINVAL", "not a page boundary")
                addr &= ~4095
                if not addr and flags & SHM_REMAP:
                    raise KernelError("EINVAL")
            where = MAP_FIXED
        elif flags & SHM_REMAP:
            raise KernelError("EINVAL")
        segment = self.find(id)
        prot = PROT_READ | (0 if flags & SHM_RDONLY else PROT_WRITE) | (PROT_EXEC if flags & SHM_EXEC else 0)
        if addr and not flags & SHM_REMAP and areas_between(mm, addr, addr + segment.size):
            raise KernelError("EINVAL", "something is mapped there")
        file = segment.file
        if flags & SHM_RDONLY:
            file = File(file.inode, file.path)
            file.inode.opened += 1
            box.fs.opened += 1
        try:
            length = file.inode.size if file.inode.hugetlb is not None else segment.size
            found = sys_mmap(box, mm, addr, length, prot, MAP_SHARED | where, file, 0)
        finally:
            if file is not segment.file:
                box.fs.fput(file)
        segment.atime, segment.lpid = self.now(), box.current.tgid
        return found

    def shmdt(self, mm: MmStruct, addr: int) -> None:
        """Detach the segment that was attached at `addr`. EINVAL."""
        box = self.box
        first = next((vma for vma in mm.mmap if vma.start >= addr and self._attached(vma.file) is not None
                      and vma.start - (vma.pgoff << 12) == addr), None)  # fmt: skip
        if addr & 4095 or first is None or first.file is None:
            raise KernelError("EINVAL")
        inode = first.file.inode
        segment = self._attached(first.file)
        assert segment is not None
        segment.dtime, segment.lpid = self.now(), box.current.tgid
        for vma in areas_between(mm, addr, addr + (segment.pages << 12)):
            if vma.file is not None and vma.file.inode is inode and vma.start - (vma.pgoff << 12) == addr:
                do_munmap(box, mm, vma.start, vma.end - vma.start)

    def _attached(self, file: File | None) -> Segment | None:
        if file is None:
            return None
        return next((one for one in self.ids.values() if one.file.inode is file.inode), None)

    def rmid(self, id: int) -> None:
        """shmctl(IPC_RMID): the segment goes with its last attachment, now if there is none. EINVAL."""
        segment = self.find(id)
        self.box.changes += 1
        if segment.mode & SHM_DEST:
            return
        if segment.nattch:
            segment.mode |= SHM_DEST
            segment.key = IPC_PRIVATE
            self.box.fs.fput(segment.file)  # from now on only its areas hold it
        else:
            self.box.fs.fput(segment.file)  # that destroys it

    def evicted(self, inode: Inode) -> None:
        """The last area that mapped a file of shared memory is gone: a removed segment goes with it (shm_close)."""
        for segment in self.ids.values():
            if segment.file.inode is inode:
                self._destroy(segment)
                return

    def _destroy(self, segment: Segment) -> None:
        del self.ids[segment.id & (1 << IPCMNI_SHIFT) - 1]
        self.total -= segment.pages
        self.box.slab.kfree(segment.addr)
