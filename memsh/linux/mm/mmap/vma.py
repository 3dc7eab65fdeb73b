"""A process's areas: what the rest of the box calls (mm/mmap.c, mprotect.c, mremap.c, madvise.c, mlock.c).

One name for each operation; the files behind hold the code: mmap, mprotect, mremap, madvise, mlock, mmlife, vmalist.
"""

from memsh.linux.include.mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SHMEMPAGES,
    MM_SWAPENTS,
    MmStruct,
    VmArea,
)
from memsh.linux.mm.memory.mmlife import dup_mmap, exit_mmap, mm_alloc
from memsh.linux.mm.mmap.madvise import do_madvise
from memsh.linux.mm.mmap.mlock import do_mlock, do_mlockall, do_munlock, do_munlockall
from memsh.linux.mm.mmap.mmap import (
    VM_DATA_DEFAULT_FLAGS,
    VM_STACK_FLAGS,
    do_brk,
    do_munmap,
    insert_vm_area,
    install_special_mapping,
    sys_mmap,
    vm_brk_flags,
)
from memsh.linux.mm.mmap.mprotect import do_mprotect
from memsh.linux.mm.mmap.mremap import do_mremap
from memsh.linux.mm.mmap.unmapped import get_unmapped_area
from memsh.linux.mm.mmap.vmalist import find_vma, vm_commit_limit, vma_lookup

__all__ = [
    "MM_ANONPAGES",
    "MM_FILEPAGES",
    "MM_SHMEMPAGES",
    "MM_SWAPENTS",
    "VM_DATA_DEFAULT_FLAGS",
    "VM_STACK_FLAGS",
    "MmStruct",
    "VmArea",
    "do_brk",
    "do_madvise",
    "do_mlock",
    "do_mlockall",
    "do_mprotect",
    "do_mremap",
    "do_munlock",
    "do_munlockall",
    "do_munmap",
    "dup_mmap",
    "exit_mmap",
    "find_vma",
    "get_unmapped_area",
    "insert_vm_area",
    "install_special_mapping",
    "mm_alloc",
    "sys_mmap",
    "vm_brk_flags",
    "vm_commit_limit",
    "vma_lookup",
]
