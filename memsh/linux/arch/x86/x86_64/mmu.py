"""x86_64 with four levels of 512 entries: 128 TiB for a process less one page, NX.

With page-table isolation the top table is two pages, one of them for user mode (PGD_ALLOCATION_ORDER).
"""

from memsh.linux.arch.x86.mmu import Mmu

TASK_SIZE = (1 << 47) - 4096
X86_64_MMU = Mmu(
    word=8,
    shifts=(12, 21, 30, 39, 48),
    entry_code="Q",
    top_order=1,
    counted=2,
    task_size=TASK_SIZE,
    mmap_base=TASK_SIZE - (128 << 20),
    unmapped_base=(TASK_SIZE // 3 + 4095) & ~4095,
    word_limit=1 << 64,
    digits=8,
    nx=1 << 10,
    vsyscall=0xFFFFFFFFFF600000,
    hole=range(1 << 47, (1 << 64) - (1 << 47)),
    swp_type_shift=59,
    swp_offset_bits=50,
    swp_invert=((1 << 50) - 1) << 9,  # what the processor could guess from it is no memory (L1TF)
    swp_exclusive=8,  # _PAGE_PWT
    names=("pte", "pmd", "pud", "pgd"),
    stack_rnd_mask=0x3FFFFF,
    brk_rnd=1 << 30,
    vdso_above_stack=True,
    fixed_fallback=False,
)
