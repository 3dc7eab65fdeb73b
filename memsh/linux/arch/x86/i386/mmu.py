"""i386 without PAE: two levels of 1,024 entries, 3 GiB for a process, no NX."""

from memsh.linux.arch.x86.mmu import Mmu

TASK_SIZE = 0xC0000000
I386_MMU = Mmu(
    word=4,
    shifts=(12, 22, 32),
    entry_code="I",
    top_order=0,
    counted=1,
    task_size=TASK_SIZE,
    mmap_base=TASK_SIZE - (128 << 20),  # an 8 MiB stack limit gives the least gap
    unmapped_base=TASK_SIZE // 3,
    word_limit=1 << 32,
    digits=8,
    nx=0,
    vsyscall=0,
    hole=range(0),
    swp_type_shift=1,
    swp_offset_bits=23,
    swp_invert=0,
    swp_exclusive=0,
    names=("table", "directory"),
    stack_rnd_mask=0x7FF,
    brk_rnd=32 << 20,
    vdso_above_stack=False,
    fixed_fallback=True,
)
