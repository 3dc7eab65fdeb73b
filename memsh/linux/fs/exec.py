"""execve: a new program in an old task (fs/exec.c, fs/binfmt_elf.c, arch/x86/entry/vdso/vma.c), and what the program,
its C library and the dynamic linker do before main.

Where areas lie, at random or not, is memsh.linux.arch.x86.aslr's.

Known deviations: no scripts (#!), no position-independent executables; the dynamic linker needs no ld.so.cache; the
environment is HOME and TERM if nothing else is asked for; AT_RANDOM's bytes are fixed.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.aslr import (
    Nominal,
    actual,
    arch_align_stack,
    arch_pick_mmap_layout,
    arch_randomize_brk,
    randomized,
    stack_top,
    vdso_addr,
)
from memsh.linux.arch.x86.vdso import VDSO, VVAR
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_ANONYMOUS,
    MAP_DENYWRITE,
    MAP_FIXED,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    SIGKILL,
    SIGSEGV,
    VM_DONTDUMP,
    VM_EXEC,
    VM_IO,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_PFNMAP,
    VM_READ,
)
from memsh.linux.include.image import Image, R
from memsh.linux.include.mm_types import MmStruct
from memsh.linux.include.resource import ARG_MAX, RLIMIT_STACK, STK_LIM
from memsh.linux.include.sched import PF_FORKNOEXEC, PF_KTHREAD, Task, add_task, context_switch, threads_of
from memsh.linux.kernel.cmdline import default_dump_filter
from memsh.linux.kernel.exit import do_exit, do_group_exit, mmput
from memsh.linux.kernel.fork import complete_vfork_done, free_task
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError, Killed, Segfault
from memsh.linux.mm.memory.rss_stat import keep_pages, sync_mm_rss
from memsh.linux.mm.memory.uaccess import write as put_bytes
from memsh.linux.mm.mmap.vma import (
    VM_STACK_FLAGS,
    do_brk,
    do_mprotect,
    do_munmap,
    exit_mmap,
    get_unmapped_area,
    insert_vm_area,
    install_special_mapping,
    mm_alloc,
    sys_mmap,
    vm_brk_flags,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import File

STACK_EXPAND = 0x20000
AT_SYSINFO, AT_SYSINFO_EHDR = 32, 33
VVAR_SIZE, VDSO_SIZE = 0x4000, 0x2000
ENVIRONMENT = ("HOME=/", "TERM=linux")


class PastReturn(KernelError):
    """exec() failed when the old program was gone already: the process has died of `signal` (bprm_execve)."""

    def __init__(self, code: str, signal: int = SIGSEGV) -> None:
        super().__init__(code, "the new program could not be loaded")
        self.signal = signal


def _c_string(word: str) -> bytes:
    """A word of a command line as a program finds it."""
    return word.encode("utf-8", "surrogateescape") + b"\0"


def find_program(box: Box, name: str) -> Image:
    """The program that `name` means: a path, or a name in /bin or /. ENOENT, EISDIR, ENOEXEC."""
    programs = box.programs
    paths = [box.fs.real_path(name)] if "/" in name else [f"/bin/{name}", f"/{name}"]
    for path in paths:
        if path in programs:
            return programs[path]
    if box.fs.exists(paths[0]):
        raise KernelError("EISDIR" if box.fs.isdir(paths[0]) else "ENOEXEC")
    raise KernelError("ENOENT", f"no program {name}")


def bprm_stack_limits(task: Task) -> int:
    """Bytes that arguments, environment and the pointers to them may have: a quarter of the stack's limit, but what
    every program has had room for since the first Linux."""
    return max(ARG_MAX, min(STK_LIM // 4 * 3, task.signal.rlim[RLIMIT_STACK][0] // 4))


def do_execve(box: Box, task: Task, name: str, argv: list[str], envp: Sequence[str] = ENVIRONMENT) -> None:
    """Replace the task's memory by the program `name` and run it up to main. It does so itself: whoever waits for it,
    its group is charged, and an OOM kill is its own only if it is the victim.

    ENOENT, EISDIR, ENOEXEC, E2BIG, ENOMEM leave the task as it was. Once its old memory is gone nothing can be
    taken back: PastReturn, the process has died of a signal. Killed where the task is the current one.
    """
    before = getattr(box, "current", None)
    if before is None or before is task:
        _execve(box, task, name, argv, envp)
        return
    box.current = task
    try:
        with box.memcg.acting(box.memcg.of_task(task)):
            _execve(box, task, name, argv, envp)
    except Killed:
        box.oom.settle()
        raise PastReturn("ENOMEM", SIGKILL) from None
    finally:
        if not before.alive or before.mm is None:
            context_switch(box, box.init)
        elif box.current is task:
            box.current = before
        else:
            context_switch(box, before)


def _execve(box: Box, task: Task, name: str, argv: list[str], envp: Sequence[str]) -> None:
    box.changes += 1
    image = find_program(box, name)
    strings = sum(len(_c_string(word)) for word in (*argv, *envp)) + len(name) + 1
    if strings + (max(1, len(argv)) + len(envp)) * box.arch.word >= bprm_stack_limits(task):
        raise KernelError("E2BIG")
    file = box.fs.open(image.path)
    try:
        box.fs.read(file, 0, 256)
        if file.inode.size < image.size:
            raise KernelError("ENOEXEC")  # something else has been written there
        mm = mm_alloc(box)
    except KernelError:
        box.fs.fput(file)
        raise
    mm.rlim = task.signal.rlim
    mm.coredump_filter = default_dump_filter(box.config) if task.mm is None else task.mm.coredump_filter
    sync_mm_rss(box, task)
    old, task.mm = task.mm, mm
    try:
        top = _bprm_mm_init(box, task, mm)
    except (KernelError, Segfault, Killed) as error:
        sync_mm_rss(box, task)
        exit_mmap(box, mm)
        task.mm = old
        box.fs.fput(file)
        raise KernelError("ENOMEM") if isinstance(error, Segfault) else error from None
    de_thread(box, task)  # begin_new_exec(): the point of no return
    complete_vfork_done(box, task)
    if old is not None:
        mmput(box, old)
    try:
        _load_elf_binary(box, task, image, file, argv, envp, top)
    except (KernelError, Segfault, BusError) as error:
        box.oom.raise_if_killed(task)
        do_group_exit(box, task, SIGSEGV)
        raise PastReturn(error.code if isinstance(error, KernelError) else "EFAULT") from None
    finally:
        box.fs.fput(file)


def de_thread(box: Box, task: Task) -> None:
    """The thread that executes a program is the only one of its process from then on, and its first."""
    task.tls = task.clear_child_tid = 0
    for thread in threads_of(box, task):
        if thread is not task and thread.alive:
            do_exit(box, thread, SIGKILL)
    leader = box.tasks[task.tgid]
    if leader is task:
        return
    del box.tasks[leader.pid], box.threads[task.pid]
    task.pid, leader.pid, task.leader = leader.pid, task.pid, 0
    own = {name: addr for name, addr in leader.objects.items() if name != "task_struct"}
    leader.objects = {"task_struct": leader.objects["task_struct"], "pid": task.objects["pid"]}
    task.objects = {"task_struct": task.objects["task_struct"], **own}
    task.children, task.exit_signal, task.start_usec = leader.children, leader.exit_signal, leader.start_usec
    task.cminflt, task.cmajflt = leader.cminflt, leader.cmajflt
    task.signal.minflt += leader.minflt
    task.signal.majflt += leader.majflt
    task.signal.threads = []
    add_task(box, task)
    free_task(box, leader)


def _bprm_mm_init(box: Box, task: Task, mm: MmStruct) -> int:
    """The new stack, with the page that the arguments are copied to; its end."""
    randomized(box, task)
    arch_pick_mmap_layout(box, task, mm)
    top = stack_top(box, task, mm)
    limit = mm.rlim[RLIMIT_STACK][0] & -4096
    insert_vm_area(box, mm, top - max(4096, min(4096 + STACK_EXPAND, limit)), top, VM_STACK_FLAGS)
    touch_range(box, task, top - 4096, 4096, True)
    return top


def _load_elf_binary(
    box: Box, task: Task, image: Image, file: File, argv: list[str], envp: Sequence[str], top: int
) -> None:
    mm = task.mm
    assert mm is not None
    file.count += 1
    mm.exe_file = file
    task.comm = (argv[0] if argv else image.path).rpartition("/")[2][:15]
    task.argv = list(argv)
    task.path = image.path
    task.flags &= ~(PF_FORKNOEXEC | PF_KTHREAD)
    task.sigcgt = image.sigcgt
    task.pending = ()
    _map_segments(box, mm, file, image, 0)
    mm.start_code, mm.end_code, mm.start_data, mm.end_data = image.code_bounds()
    _clear_bss(box, task, image, 0)
    mm.start_brk = mm.brk = _page_up(image.segments[-1].vaddr + image.segments[-1].memsz)
    arch_randomize_brk(box, task, mm)
    laid = Nominal(mm)
    loaded = [(image, 0)]
    if image.interp:
        loaded.append(_load(box, task, box.programs[image.interp], laid))
    strings = sum(len(_c_string(word)) for word in (*(argv or [""]), *envp, image.path))
    _map_vdso(box, task, mm, top - box.arch.word - strings, laid)
    base = actual(mm, loaded[-1][1])
    task.sp = _stack_tables(box, task, image, base, top, argv, envp)
    _run_to_main(box, task, image, laid, loaded, top)
    mm.update_hiwater_rss()
    mm.update_hiwater_vm()


def _page_up(addr: int) -> int:
    return (addr + 4095) & ~4095


def _map_segments(box: Box, mm: MmStruct, file: File, image: Image, base: int, *, first_done: bool = False) -> None:
    """elf_map() of each segment at `base` + its address."""
    for segment in image.segments[1 if first_done else 0 :]:
        start = (base + segment.vaddr) & ~4095
        length = _page_up(segment.vaddr + segment.filesz) - (segment.vaddr & ~4095)
        sys_mmap(
            box, mm, start, length, segment.prot, MAP_PRIVATE | MAP_FIXED | MAP_DENYWRITE, file, segment.offset & ~4095
        )  # fmt: skip


def _clear_bss(box: Box, task: Task, image: Image, base: int, *, by_linker: bool = False) -> None:
    """Zero what follows the data in its last page, map the rest of .bss: the kernel as brk does, ld.so by mmap."""
    last = image.segments[-1]
    data_end, end = base + last.vaddr + last.filesz, base + last.vaddr + last.memsz
    if data_end & 4095:
        put_bytes(box, task, data_end, bytes(-data_end & 4095))
    assert task.mm is not None
    start, length = _page_up(data_end), _page_up(end) - _page_up(data_end)
    if length > 0 and by_linker:
        fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
        sys_mmap(box, task.mm, start, length, PROT_READ | PROT_WRITE, fixed)
    elif length > 0:
        vm_brk_flags(box, task.mm, start, length)


def _load(box: Box, task: Task, image: Image, laid: Nominal, *, by_linker: bool = False) -> tuple[Image, int]:
    """Map a library below what is there: its whole extent first, then each segment over it. Its nominal address."""
    mm = task.mm
    assert mm is not None
    file = box.fs.open(image.path)
    try:
        box.fs.read(file, 0, 512)
        first = image.segments[0]
        total = _page_up(image.total_size)
        base = sys_mmap(box, mm, 0, total, first.prot, MAP_PRIVATE | MAP_DENYWRITE, file, 0)
        kept = _page_up(first.filesz)
        if total > kept:
            do_munmap(box, mm, base + kept, total - kept)
        _map_segments(box, mm, file, image, base, first_done=True)
        _clear_bss(box, task, image, base, by_linker=by_linker)
    finally:
        box.fs.fput(file)
    return image, laid.place(total, base)


def _map_vdso(box: Box, task: Task, mm: MmStruct, start_stack: int, laid: Nominal) -> None:
    """arch_setup_additional_pages()."""
    length = VVAR_SIZE + VDSO_SIZE
    if not vdso_enabled(box):
        mm.vdso = 0
        laid.place(length, 0)
        return
    addr = get_unmapped_area(box, mm, vdso_addr(box, task, mm, start_stack, length), length, 0)
    laid.place(length, addr)
    install_special_mapping(
        box, mm, addr + VVAR_SIZE, VDSO_SIZE, VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, VDSO
    )
    install_special_mapping(box, mm, addr, VVAR_SIZE, VM_READ | VM_MAYREAD | VM_IO | VM_DONTDUMP | VM_PFNMAP, VVAR)
    mm.vdso = addr + VVAR_SIZE


def _stack_tables(box: Box, task: Task, image: Image, base: int, top: int, argv: list[str],
                  envp: Sequence[str]) -> int:  # fmt: skip
    """Strings, auxiliary vector, argv and envp as create_elf_tables() lays them out. The program's stack pointer."""
    mm = task.mm
    assert mm is not None
    words = argv or [""]
    name = _c_string(image.path)
    strings = [_c_string(word) for word in words]
    environment = [_c_string(word) for word in envp]
    elf = box.arch.elf
    word = box.arch.word
    exec_at = top - word - len(name)
    mm.env_end = exec_at
    mm.env_start = mm.arg_end = mm.env_end - sum(map(len, environment))
    mm.arg_start = mm.arg_end - sum(map(len, strings))
    place = arch_align_stack(box, task, mm.arg_start)
    platform = place - len(elf.platform) - 1
    random = platform - 16
    values = {
        AT_SYSINFO: mm.vdso + 0x560, AT_SYSINFO_EHDR: mm.vdso, 51: elf.minsigstksz, 16: elf.hwcap, 6: 4096, 17: 100,
        3: image.segments[0].vaddr + elf.header, 4: elf.program_header, 5: len(image.segments) + 4, 7: base,
        8: 0, 9: image.entry, 25: random, 26: 2, 31: exec_at, 15: platform,
    }  # fmt: skip
    code = "I" if word == 4 else "Q"
    keys = [key for key in elf.auxv if mm.vdso or key not in (AT_SYSINFO, AT_SYSINFO_EHDR)]
    auxv = b"".join(struct.pack(f"<2{code}", key, values.get(key, 0)) for key in keys) + bytes(2 * word)
    mm.saved_auxv = auxv
    items = len(words) + 1 + len(environment) + 1 + 1
    sp = (random - len(auxv) - word * items) & ~15
    pointers = [len(words)]
    at = mm.arg_start
    for group in (strings, environment):
        for string in group:
            pointers.append(at)
            at += len(string)
        pointers.append(0)
    block = struct.pack(f"<{len(pointers)}{code}", *pointers) + auxv
    put_bytes(box, task, sp, block)
    put_bytes(box, task, random, bytes(range(0x5A, 0x6A)) + elf.platform + b"\0")
    put_bytes(box, task, mm.arg_start, b"".join(strings) + b"".join(environment) + name)
    mm.start_stack = sp
    return sp - elf.frame


def vdso_enabled(box: Box) -> bool:
    """vdso=, vdso32= on the command line, vm.vdso_enabled where there is one (vdso32_enabled, vdso64_enabled)."""
    return box.sysctl.values.get("vm.vdso_enabled", 1) == 1


def _run_to_main(box: Box, task: Task, image: Image, laid: Nominal, loaded: list[tuple[Image, int]], top: int) -> None:
    """What happens in user mode before main: relocation, libraries, heap of the C library."""
    mm = task.mm
    assert mm is not None
    prot, flags = PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
    if image.interp:
        laid.place(8192, sys_mmap(box, mm, 0, 8192, prot, flags))
        for path in image.libraries:
            loaded.append(_load(box, task, box.programs[path], laid, by_linker=True))
        if image.tls:
            laid.place(image.tls, sys_mmap(box, mm, 0, image.tls, prot, flags))
    if image.brk:
        do_brk(box, mm, mm.brk + image.brk)
    for library, at in loaded:
        for touch in library.touched:
            touch_range(box, task, actual(mm, touch.addr + at), touch.length, touch.write)
        start, length = library.relro
        if length:
            do_mprotect(box, mm, actual(mm, start + at), length, R)
    if mm.vdso:
        touch_range(box, task, mm.vdso, 4096, False)
    deepest = min(task.sp & ~4095, top - 8192)
    touch_range(box, task, deepest, top - deepest, True)
    if box.vm.split_rss:
        keep_pages(box, task, image.kept)
