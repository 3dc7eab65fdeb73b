"""fork: a new task with its own objects, kernel stack and copy of the memory (kernel/fork.c, kernel/kthread.c).

Objects per task: task_struct, cred_jar, signal_cache, sighand_cache, pid; a user process also has files_cache and
fs_cache and an mm. Whatever fails, nothing stays allocated.

Known deviations: objects are freed at once where Linux waits for an RCU grace period; a kernel thread's struct kthread
(a kmalloc object) is not modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.fs.file_table import close_files, dup_files
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, GFP_KERNEL_ACCOUNT, GFP_NAMES
from memsh.linux.include.memmap import K_STACK, PG_KMEMCG
from memsh.linux.include.resource import init_rlimits
from memsh.linux.include.sched import (
    PF_FORKNOEXEC,
    PF_KTHREAD,
    PF_SUPERPRIV,
    Task,
    add_task,
    alloc_pid,
    find_pid,
    nr_threads,
    threads_max,
)
from memsh.linux.kernel.returns import after_fork, fork_returns
from memsh.linux.mm.memory.mmlife import dup_mmap, exit_mmap
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box

THREADINFO_GFP = GFP_KERNEL_ACCOUNT | GFP_NAMES["__GFP_ZERO"]
ACCOUNT = GFP_NAMES["__GFP_ACCOUNT"]


def alloc_thread_stack(box: Box, task: Task, node: int = -1, caller: str = "") -> None:
    """Pages for the kernel stack, from `node` on if it is named: mapped one by one where the kernel does so, for
    `caller` as vmallocinfo names it, else one block; ENOMEM."""
    size = box.arch.thread_size
    if box.arch.vmap_stack:
        task.stack_addr = box.vmalloc.alloc_stack(size, THREADINFO_GFP & ~ACCOUNT, node, caller)
        if not task.stack_addr:
            raise KernelError("ENOMEM", "no pages for a kernel stack")
        pages = box.vmalloc.by_addr[task.stack_addr].pages or [0]
        task.stack_pfn = pages[0]
        for pfn in pages if box.memcg.current() is not None else ():
            if not box.memcg.charge_block(pfn, 0, GFP_KERNEL):  # memcg_charge_kernel_stack
                _free_stack_pages(box, task)
                raise KernelError("ENOMEM", "its group may have no more")
            box.memmap.flags[pfn] |= PG_KMEMCG
    else:
        task.stack_pfn = box.pages.alloc_pages(THREADINFO_GFP, order_of(size), K_STACK)
        if not task.stack_pfn:
            raise KernelError("ENOMEM", "no adjacent pages for a kernel stack")
    box.vmstat["nr_kernel_stack"] += size >> 10


def free_thread_stack(box: Box, task: Task) -> None:
    if task.stack_pfn:
        size = box.arch.thread_size
        box.vmstat["nr_kernel_stack"] -= size >> 10
        if task.stack_addr:
            _free_stack_pages(box, task)
        else:
            box.pages.free_pages(task.stack_pfn, order_of(size))
            task.stack_pfn = task.stack_addr = 0


def _free_stack_pages(box: Box, task: Task) -> None:
    """A stack that is mapped page by page is nobody's any more; its pages may be the next task's."""
    for pfn in box.vmalloc.by_addr[task.stack_addr].pages or ():
        if box.memmap.memcg[pfn]:
            box.memmap.flags[pfn] &= ~PG_KMEMCG
            box.memcg.uncharge_block(pfn, 0)
    box.vmalloc.free_stack(task.stack_addr)
    task.stack_pfn = task.stack_addr = 0


def order_of(size: int) -> int:
    """The order of a block of `size` bytes, a power of two (get_order)."""
    return size.bit_length() - 13


def _take(box: Box, task: Task, name: str) -> None:
    task.objects[name] = take(box, name)


def drop_object(box: Box, task: Task, name: str) -> None:
    """Free the task's object of that cache, if it has one."""
    addr = task.objects.pop(name, 0)
    if addr:
        give(box, name, addr)


def free_task(box: Box, task: Task) -> None:
    """put_task_struct: the last of a task's objects, then its stack."""
    for name in ("files_cache", "fs_cache", "sighand_cache", "signal_cache", "pid", "cred_jar"):
        drop_object(box, task, name)
    free_thread_stack(box, task)
    drop_object(box, task, "task_struct")


def copy_process(
    box: Box, parent: Task | None, comm: str = "", *, kthread: bool = False, share: bool = False, node: int = -1
) -> Task:
    """A new process, complete, entered in the table. EAGAIN at threads-max, without a PID or where its
    group may have no more tasks, ENOMEM.

    `parent` None makes the very first task; `share`: the memory is the parent's own (CLONE_VM); `node`: where the stack
    is to lie.
    """
    box.changes += 1
    if nr_threads(box) >= threads_max(box):
        raise KernelError("EAGAIN", "as many tasks as kernel.threads-max allows")
    task = Task(0, parent.tgid if parent else 0, comm or (parent.comm if parent else ""))
    try:
        _take(box, task, "task_struct")
        alloc_thread_stack(box, task, node)
        _take(box, task, "cred_jar")
        if not kthread:
            _take(box, task, "files_cache")
            _take(box, task, "fs_cache")
        _take(box, task, "sighand_cache")
        _take(box, task, "signal_cache")
        if parent is not None and parent.mm is not None and not kthread:
            if share:
                task.mm = parent.mm
                parent.mm.users += 1
            else:
                task.mm = dup_mmap(box, parent.mm)
        if parent is not None and not kthread:
            dup_files(box, parent, task)
        _take(box, task, "pid")
        task.pid = alloc_pid(box)
        if parent is not None and not kthread:
            box.cgroups.can_fork(parent)
    except KernelError:
        close_files(box, task)
        if task.mm is not None:
            task.mm.users -= 1
            if not task.mm.users:
                exit_mmap(box, task.mm)
            task.mm = None
        free_task(box, task)
        raise
    task.flags = PF_FORKNOEXEC | (PF_KTHREAD if kthread else 0)
    task.start_usec = box.timer.usec
    if parent is None:
        task.signal.rlim = init_rlimits(box.mmu.word_limit - 1, threads_max(box) // 2)
    else:
        task.signal.rlim, task.signal.umask = list(parent.signal.rlim), parent.signal.umask
    if task.mm is not None and not share:
        task.mm.rlim = task.signal.rlim
    if parent is not None and not kthread:
        _inherit(task, parent)
    if parent is not None:
        box.tasks[parent.tgid].children[task.pid] = None
    add_task(box, task)
    box.cgroups.post_fork(task)
    box.total_forks += 1
    return task


def clone_thread(box: Box, parent: Task, stack: int, tls: int, child_tid: int) -> Task:
    """clone() as pthread_create() asks for it (CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD, …): a
    thread of the parent's process, with credentials, files and signal handlers in common.

    `stack`: its first stack pointer; `tls`: where its own variables are; `child_tid`: the word that holds its number
    and becomes 0 when it ends. All are addresses. EAGAIN at threads-max, without a PID or where its group
    may have no more tasks, ENOMEM.
    """
    box.changes += 1
    if nr_threads(box) >= threads_max(box):
        raise KernelError("EAGAIN", "as many tasks as kernel.threads-max allows")
    if parent.mm is None or not parent.alive:
        raise KernelError("ESRCH", f"{parent.pid} cannot make a thread")
    task = Task(0, parent.ppid, parent.comm)
    try:
        _take(box, task, "task_struct")
        alloc_thread_stack(box, task)
        _take(box, task, "pid")
        task.pid = alloc_pid(box)
        box.cgroups.can_fork(parent)
    except KernelError:
        free_task(box, task)
        raise
    task.leader, task.signal = parent.tgid, parent.signal
    task.mm = parent.mm
    task.mm.users += 1
    task.flags = PF_FORKNOEXEC
    task.start_usec = box.timer.usec
    task.exit_signal = -1  # nobody waits for a thread
    _inherit(task, parent)
    task.sp, task.tls, task.clear_child_tid = stack, tls, child_tid
    add_task(box, task)
    box.cgroups.post_fork(task)
    box.total_forks += 1
    return task


def _inherit(task: Task, parent: Task) -> None:
    task.argv = list(parent.argv)
    task.path = parent.path
    task.flags |= parent.flags & ~(PF_SUPERPRIV | PF_KTHREAD)
    task.tls = parent.tls
    task.cgroup = parent.cgroup
    task.oom_score_adj = parent.oom_score_adj
    task.oom_score_adj_min = parent.oom_score_adj_min
    task.nice, task.policy, task.rt_priority = parent.nice, parent.policy, parent.rt_priority
    task.sigblk, task.sigign, task.sigcgt = parent.sigblk, parent.sigign, parent.sigcgt
    task.timer_slack_ns = parent.timer_slack_ns
    task.affinity, task.cpu, task.mempolicy = parent.affinity, parent.cpu, parent.mempolicy
    task.pgrp, task.session, task.sp = parent.pgrp, parent.session, parent.sp


class Forked(NamedTuple):
    """What fork() gave: the child, and the faults that the parent took inside the call."""

    child: Task
    minflt: int
    majflt: int


def fork(box: Box, parent: Task) -> Forked:
    """fork(): the parent goes on and writes its stack again; the child runs when it is first switched to.

    EAGAIN, ENOMEM. ESRCH if the parent has no memory of its own.
    """
    if parent.mm is None or not parent.alive:
        raise KernelError("ESRCH", f"{parent.pid} cannot fork")
    child = copy_process(box, parent)
    minor, major = parent.minflt, parent.majflt
    fork_returns(box, parent)
    result = Forked(child, parent.minflt - minor, parent.majflt - major)
    after_fork(box, parent, child)
    return result


def vfork(box: Box, parent: Task) -> Task:
    """vfork(): the child has the parent's own memory, and the parent waits until it executes a program or ends.

    EAGAIN, ENOMEM. ESRCH if the parent has no memory of its own.
    """
    if parent.mm is None or not parent.alive:
        raise KernelError("ESRCH", f"{parent.pid} cannot fork")
    child = copy_process(box, parent, share=True)
    child.vfork_done = parent.pid
    parent.state = "D"
    return child


def complete_vfork_done(box: Box, task: Task) -> None:
    """The child of a vfork has left its parent's memory: the parent goes on."""
    parent, task.vfork_done = find_pid(box, task.vfork_done) if task.vfork_done else None, 0
    if parent is not None and parent.state == "D":
        parent.state = "S"


def kernel_clone(box: Box, parent: Task) -> Task:
    """fork(), when only the child matters."""
    return fork(box, parent).child


def create_kthread(box: Box, name: str, ppid: int, node: int = -1) -> Task:
    """A kernel thread, child of kthreadd (PID 2), which shares files and fs with its parent; its stack is on `node`, if
    that is named (kthread_create_on_node)."""
    parent = box.tasks.get(ppid)
    return copy_process(box, parent, name, kthread=True, node=node)


def fork_idle(box: Box, cpu: int) -> None:
    """The idle task of a further CPU: an object and a stack, no PID."""
    idle = Task(0, 0, "swapper")
    _take(box, idle, "task_struct")
    alloc_thread_stack(box, idle, box.pages.cpu_to_node(cpu), box.arch.vmap_idle_stack)
    box.idle_tasks.append(idle)
