"""Where the kernel is, in its log: the head of every report, and warnings (lib/dump_stack.c, kernel/panic.c).

What is asked of the kernel by name (kmalloc, alloc_pages, vmalloc …) is asked by the recorded kernel's control file,
which the current process writes to; a page fault is the process's own.

Known deviations: registers that memsh does not model read as 0; whatever is charged to a memory cgroup at its limit,
the trace is that of a page fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.program import instruction, system_call
from memsh.linux.arch.x86.setup import HARDWARE, UTS_RELEASE
from memsh.linux.include.flags import GFP_NAMES, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.mm.filemap.pagecache import file_page
from memsh.linux.mm.memory.uaccess import peek
from memsh.linux.mm.mmap.vmalist import find_vma

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

TAINT_FLAGS = "PFSRMBUDAWCIOELKXTN"  # a clear P shows as G, others as a blank
TAINT_BAD_PAGE, TAINT_WARN = TAINT_FLAGS.index("B"), TAINT_FLAGS.index("W")
__GFP_ZERO, __GFP_HARDWALL = GFP_NAMES["__GFP_ZERO"], GFP_NAMES["__GFP_HARDWALL"]
PROLOGUE_SIZE, OPCODE_BUFSIZE = 42, 64
PERCPU_GAP, PMD = 0x1800000, 2 << 20


def add_taint(box: Box, flag: int) -> None:
    """Something went wrong that later reports shall tell of; /proc/sys/kernel/tainted."""
    box.sysctl.values["kernel.tainted"] |= 1 << flag


def print_tainted(box: Box) -> str:
    """`Not tainted`, or `Tainted: ` and a letter for each flag."""
    taint = box.sysctl.values["kernel.tainted"]
    if not taint:
        return "Not tainted"
    return "Tainted: " + "".join(
        letter if taint >> bit & 1 else "G" if not bit else " " for bit, letter in enumerate(TAINT_FLAGS)
    )


def requester(box: Box, gfp: int, via: str) -> str:
    """Who asks for memory, as Traces.via names the way: a page fault of the process, or `via`."""
    if gfp & __GFP_HARDWALL and box.current.mm is not None and via == "pages":
        return "anon" if gfp & __GFP_ZERO else "file"
    return via


def _print_info(box: Box, task: Task) -> list[str]:
    """The first two lines of a report (dump_stack_print_info)."""
    build = box.machine.image.uts_version.split()[0]
    return [f"CPU: {task.cpu} PID: {task.pid} Comm: {task.comm} {print_tainted(box)} {UTS_RELEASE} {build} ",
            f"Hardware name: {HARDWARE}"]  # fmt: skip


def _trace(box: Box, frames: tuple[str, ...], via: str) -> list[str]:
    """`Call Trace:` to the registers with which the kernel was entered; `via` "" for a thread of the kernel."""
    traces, task = box.arch.traces, box.current
    lines = [f" {frame}" for frame in frames]
    if via:
        fault = via in ("anon", "file", "charge")
        lines += [f" {frame}" for frame in traces.via[via]]
        if task.mm is not None:
            ip = instruction(box, task, True) if fault else system_call(box, task)
            code = opcodes(box, task, ip, called=not fault)
            registers = traces.fault if fault else traces.syscall
            lines += [line.format(ip=ip, sp=task.sp, code=code) for line in registers]
    return ["Call Trace:", *([" <TASK>", *lines, " </TASK>"] if traces.task else lines)]


def dump_stack(box: Box, head: str, via: str, *, worker: Task | None = None) -> None:
    """Who was running, and where: `head` is what reports, `via` who asked (Traces). `worker`: a thread of the kernel
    does it, on a person's request."""
    lines = _print_info(box, worker or box.current)
    if worker is not None:
        lines.append("Workqueue: events moom_callback")
    lines += _trace(box, box.arch.traces.heads[head], "" if worker is not None else via)
    for line in lines:
        box.log.printk(line, KERN_WARNING)


def warn_slowpath(box: Box, name: str, via: str, message: str = "", *, gfp: int = 0, order: int = 0,
                  addr: int = 0) -> None:  # fmt: skip
    """WARN(): a condition that should never be. `name` is one of Traces.warns. Nothing before the first process."""
    if box.current is None:
        return
    traces, task, printk = box.arch.traces, box.current, box.log.printk
    warn = traces.warns[name]
    layout, top = box.machine.layout, box.arch.page_offset + (box.machine.max_low_pfn << 12)
    stack = task.stack_addr or box.arch.page_offset + (task.stack_pfn << 12)
    ksp = stack + box.arch.thread_size - traces.kernel_sp
    values = {
        "gfp": gfp, "order": order, "addr": addr, "ksp": ksp, "bp": ksp + 0x9C, "vmalloc": layout.vmalloc_start,
        "cr2": task.sp, "cr3": task.mm.pgd_pfn << 12 if task.mm is not None else 0, "fs": 0,
        "gs": (top & -PMD) - PERCPU_GAP,
    }  # fmt: skip
    printk("------------[ cut here ]------------", KERN_WARNING)
    if message:
        printk(message, KERN_WARNING)
    lines = [f"WARNING: CPU: {task.cpu} PID: {task.pid} at {warn.where} {warn.place}"]
    if traces.modules:
        lines.append("Modules linked in:")
    lines += _print_info(box, task)
    lines += [f"{'RIP: 0010:' if traces.modules else 'EIP: '}{warn.place}", f"Code: {warn.code}"]
    lines += [line.format(**values) for line in warn.registers]
    lines += _trace(box, (), via)
    lines.append("---[ end trace 0000000000000000 ]---")
    for line in lines:
        printk(line, KERN_WARNING)
    add_taint(box, TAINT_WARN)


def warn_once(box: Box, name: str, via: str, *, gfp: int = 0, order: int = 0) -> None:
    """WARN_ON_ONCE(): the first time only, until the machine boots anew."""
    if name not in box.log.warned:
        box.log.warned.add(name)
        warn_slowpath(box, name, via, gfp=gfp, order=order)


def _of_file(task: Task, start: int) -> bytes | None:
    """Code as its program's or library's file has it."""
    vma = find_vma(task.mm, start) if task.mm is not None else None
    if vma is None or vma.start > start or vma.file is None:
        return None
    at = start - vma.start + (vma.pgoff << PAGE_SHIFT)
    page = file_page(vma.file.inode, at >> PAGE_SHIFT)
    return page[at % PAGE_SIZE :][:OPCODE_BUFSIZE] if at % PAGE_SIZE + OPCODE_BUFSIZE <= PAGE_SIZE else None


def opcodes(box: Box, task: Task, ip: int, *, called: bool = False) -> str:
    """The bytes around `ip`, that one in angle brackets, if their pages are there (show_opcodes). `called`: a system
    call came from there, so the page is there even if nothing in this box has touched it."""
    start = (ip - PROLOGUE_SIZE) % box.mmu.word_limit
    code = peek(box, task, start, OPCODE_BUFSIZE)
    if code is None and called:
        code = _of_file(task, start)
    if code is None:
        return f"Unable to access opcode bytes at 0x{start:x}."
    return " ".join(f"<{byte:02x}>" if place == PROLOGUE_SIZE else f"{byte:02x}" for place, byte in enumerate(code))
