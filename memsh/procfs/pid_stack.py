"""/proc/PID/wchan, stack and syscall: where a process waits (fs/proc/base.c, proc_pid_wchan, proc_pid_stack,
proc_pid_syscall).

A kernel thread waits in its own loop, init for its children, any other process for what its shell will say, in a read.
Which function that is, and the frames above it, are the machine's (`arch.stacks`).

**Known deviations:** the registers of a call that waits read 0x0 but for the first, the program counter and the stack
pointer, which is that of `stat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import PAGE_SHIFT, VM_EXEC

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

LOOPS = {  # how the name of a kernel thread begins, and the function it sleeps in; all others are rescuers
    "kworker/": "worker_thread", "ksoftirqd/": "smpboot_thread_fn", "migration/": "smpboot_thread_fn",
    "cpuhp/": "smpboot_thread_fn", "rcu_preempt": "rcu_gp_fqs_loop", "rcu_sched": "rcu_gp_fqs_loop",
    "rcu_tasks": "rcu_tasks_one_gp", "kthreadd": "kthreadd", "kdevtmpfs": "devtmpfs_work_loop",
    "oom_reaper": "oom_reaper", "kcompactd": "kcompactd", "kswapd": "kswapd", "kauditd": "kauditd_thread",
    "khungtaskd": "watchdog", "ksmd": "ksm_scan_thread", "khugepaged": "khugepaged", "jbd2/": "kjournald2",
    "ext4lazyinit": "ext4_lazyinit_thread",
}  # fmt: skip
RESCUER = "rescuer_thread"
STOPPED, FROZEN = "do_signal_stop", "get_signal"  # on the way back from the call


def waits_in(box: Box, task: Task) -> str:
    """The innermost function of a process that sleeps; "" for one that runs or has ended."""
    if task.state == "T":
        return STOPPED
    if task.frozen and task.alive:
        return FROZEN
    return _called(box, task)


def _called(box: Box, task: Task) -> str:
    """The function that it called and sleeps in, whatever holds it up on the way back."""
    if task is box.current or task.state in ("R", "Z"):
        return ""
    if not task.is_kthread:
        return "do_wait" if task is box.init else "pipe_read"
    name = next((function for begin, function in LOOPS.items() if task.comm.startswith(begin)), RESCUER)
    return box.arch.stacks.get(name, (name,))[0].partition("+")[0]


def show_wchan(box: Box, task: Task) -> str:
    """No newline at the end, as on Linux."""
    return waits_in(box, task) or "0"


def show_stack(box: Box, task: Task) -> str:
    name = waits_in(box, task)
    frames = box.arch.stacks
    own = frames.get("devtmpfs_work_loop" if name == "devtmpfsd" else name, ())
    if not name or not own:
        return ""
    if name in (STOPPED, FROZEN):
        tail: tuple[str, ...] = ("leave",)
    elif task.is_kthread:
        tail = ("ret_from_fork",) if name == "kthreadd" else ("kthread", "ret_from_fork")
    else:
        tail = ("entry",)
    return "".join(f"[<0>] {frame}\n" for frame in (*own, *(frame for part in tail for frame in frames[part])))


def show_syscall(box: Box, task: Task) -> str:
    """`running`, or the call's number, six arguments, stack pointer and program counter."""
    name = _called(box, task)
    if task.is_kthread:
        return "0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n"
    if not name or task.mm is None:
        return "running\n" if task.mm is not None else "0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n"
    call, first = box.arch.calls[name][:2]
    return f"{call} {first:#x} 0x0 0x0 0x0 0x0 0x0 {task.sp:#x} {_called_from(box, task.mm, name):#x}\n"


def _called_from(box: Box, mm: MmStruct, name: str) -> int:
    """The address behind the instruction that entered the kernel: of the vDSO's, the C library's or the program's."""
    _, _, in_program, in_library, in_vdso = box.arch.calls[name]
    if in_vdso:
        return mm.vdso + in_vdso
    begins = {area.file.path.rpartition("/")[2]: area.start - (area.pgoff << PAGE_SHIFT)
              for area in mm.mmap if area.file is not None and area.flags & VM_EXEC}  # fmt: skip
    library = next((start for path, start in begins.items() if path.startswith("libc.so")), None)
    return library + in_library if library is not None else min(begins.values(), default=0) + in_program
