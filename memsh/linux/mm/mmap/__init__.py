"""The areas of an address space (mm/mmap.c, mprotect.c, mremap.c, mlock.c, madvise.c)."""
