"""i386 without PAE, with HIGHMEM4G (arch/x86, CONFIG_X86_32)."""

from memsh.linux.arch.x86.arch import GIB, MIB, Arch, Elf, SwapObjects
from memsh.linux.arch.x86.i386.mmu import I386_MMU
from memsh.linux.arch.x86.i386.stacks import CALLS, STACKS
from memsh.linux.arch.x86.i386.traces import TRACES

I386 = Arch(
    name="i386",
    bits=32,
    word=4,
    hz=1000,
    page_shift=12,
    page_offset=0xC0000000,
    struct_page=32,
    mem_map=0xF6000000,
    mmu=I386_MMU,
    elf=Elf(
        auxv=(32, 33, 51, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 15),
        platform=b"i686", hwcap=0x0783FBFD, minsigstksz=1440, header=52, program_header=32, frame=0x160,
    ),
    sys_mmap="mmap2",
    vdso_words=("vdso", "vdso32"),
    vdso_image=(
        (0, "7f454c46010101000000000000000000030003000100000040050000" "34000000d0150000000000003400200004002800"
            "1100100001000000"),
        (0x51F, "0374c00110050374b80110060374b40110070374b00110080374d8010000000000"),
        (0x540, "51525589e50f34cd80" "5d5a59c3" "90909090" "8d7600" "58b877000000cd80" "90" "8d7600" "b8ad000000cd80"),
    ),  # its ELF header; __kernel_vsyscall and what stands around it
    traces=TRACES,
    print_fmt={"PAGE": "(mem_map + ((REC->pfn) - (0UL)))", "PAGEBLOCK_ORDER": "(11-1)", "MEMCG_KMEM": "0"},
    store_bypass="vulnerable",
    vm_struct=36,
    thread_size=8192,
    swap=SwapObjects(212, 40, 28, 120, 256, "__ia32_sys_swapon+0x7b3/0x1020"),
    vmap_stack="",
    vmap_idle_stack="",
    zone_names=("DMA", "Normal", "HighMem", "Movable"),
    zone_events=("dma", "normal", "high", "movable"),
    zone_ends=(0x1000, None, None, None),
    zone_dma32=-1,
    zone_normal=1,
    zone_highmem=2,
    zone_movable=3,
    # by __GFP_MOVABLE, __GFP_DMA32, __GFP_HIGHMEM, __GFP_DMA, the lowest bit last
    gfp_zones=(1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 3, 0),
    max_pfn=1 << 20,
    lowmem_reserve_ratio=(256, 32, 0, 0),
    mmap_rnd_bits=(8, 16),
    max_order=11,
    pageblock_order=10,
    pcp_thp=False,
    numa=False,
    ram_min=32 * MIB,
    ram_max=4 * GIB,
    cpus_max=8,
    cmdline="norandmaps vmalloc=106488K",
    stacks=STACKS,
    calls=CALLS,
)
