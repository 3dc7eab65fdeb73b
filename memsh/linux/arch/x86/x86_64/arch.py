"""x86_64 with four-level page tables, NUMA, SPARSEMEM_VMEMMAP (arch/x86, CONFIG_X86_64)."""

from memsh.linux.arch.x86.arch import MIB, TIB, Arch, Elf, SwapObjects
from memsh.linux.arch.x86.x86_64.layout import VMEMMAP_START
from memsh.linux.arch.x86.x86_64.mmu import X86_64_MMU
from memsh.linux.arch.x86.x86_64.stacks import CALLS, STACKS
from memsh.linux.arch.x86.x86_64.traces import TRACES

X86_64 = Arch(
    name="x86_64",
    bits=64,
    word=8,
    hz=250,
    page_shift=12,
    page_offset=0xFFFF888000000000,
    struct_page=64,
    mem_map=VMEMMAP_START,
    mmu=X86_64_MMU,
    elf=Elf(
        auxv=(33, 51, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 15),
        platform=b"x86_64", hwcap=0x178BFBFF, minsigstksz=3376, header=64, program_header=56, frame=0x270,
    ),
    sys_mmap="mmap",
    vdso_words=("vdso",),  # of the 64-bit one, which has no file; vdso32= is of programs that it does not run
    vdso_image=(
        (0, "7f454c4602010100000000000000000003003e00010000000000000000000000" "4000000000000000300e000000000000"
            "0000000040003800040040001000" "0f00"),
    ),  # its ELF header
    traces=TRACES,
    print_fmt={
        "PAGE": "(((struct page *)vmemmap_base) + (REC->pfn))",
        "PAGEBLOCK_ORDER": "(((unsigned int)((21 - 12))) < ((unsigned int)(11 - 1)) ? ((unsigned int)((21 - 12)))"
                           " : ((unsigned int)(11 - 1)))",
        "MEMCG_KMEM": "1",
    },
    store_bypass="not vulnerable",
    vm_struct=64,
    thread_size=16384,
    swap=SwapObjects(376, 56, 48, 192, 512, "__do_sys_swapon+0x8d7/0x1340", "swap_cgroup_swapon+0x28/0x150"),
    vmap_stack="kernel_clone+0xba/0x3d0",
    vmap_idle_stack="fork_idle+0x71/0x100",
    zone_names=("DMA", "DMA32", "Normal", "Movable", "Device"),
    zone_events=("dma", "dma32", "normal", "movable", "device"),
    zone_ends=(0x1000, 0x100000, None, None, None),
    zone_dma32=1,
    zone_normal=2,
    zone_highmem=-1,
    zone_movable=3,
    # by __GFP_MOVABLE, __GFP_DMA32, __GFP_HIGHMEM, __GFP_DMA, the lowest bit last
    gfp_zones=(2, 0, 2, 0, 1, 0, 1, 0, 2, 0, 3, 0, 1, 0, 3, 0),
    max_pfn=1 << 34,
    lowmem_reserve_ratio=(256, 256, 32, 0, 0),
    mmap_rnd_bits=(28, 32),
    max_order=11,
    pageblock_order=9,
    pcp_thp=True,
    numa=True,
    ram_min=64 * MIB,
    ram_max=TIB,
    cpus_max=64,
    cmdline="norandmaps",
    nr_cpus=8192,
    stacks=STACKS,
    calls=CALLS,
)
