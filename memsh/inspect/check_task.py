"""What must hold for tasks: `check_tasks(box)` compares table, family tree, kernel stacks, slab objects and mms."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memsh.linux.include.memmap import K_STACK
from memsh.linux.include.sched import Task

if TYPE_CHECKING:
    from memsh.linux.box import Box

EVERY_THREAD = ("task_struct", "pid")
EVERY_PROCESS = (*EVERY_THREAD, "cred_jar", "sighand_cache", "signal_cache")


def check_tasks(box: Box) -> list[str]:
    """Every breach, one line each."""
    wrong: list[str] = []
    tasks = box.tasks
    if list(tasks) != sorted(tasks) or list(box.threads) != sorted(box.threads):
        wrong.append("the task table is not in order of PID")
    stacks: set[int] = set()
    objects: set[int] = set()
    every = {**tasks, **box.threads}
    for pid, task in every.items():
        if task.pid != pid:
            wrong.append(f"task {pid} says it is {task.pid}")
        _check_family(box, task, wrong)
        _check_group(box, task, wrong)
        _check_stack(box, task, stacks, wrong)
        for name in EVERY_THREAD if task.leader else EVERY_PROCESS:
            if name not in task.objects:
                wrong.append(f"task {pid} has no {name}")
        for name, addr in task.objects.items():
            if addr in objects:
                wrong.append(f"task {pid}: its {name} at {addr:x} belongs to two tasks")
            objects.add(addr)
    for idle in box.idle_tasks:
        _check_stack(box, idle, stacks, wrong)
    kept = box.vmstat["nr_kernel_stack"]
    counted = len(stacks) * (box.arch.thread_size >> 10)
    if kept != counted:
        wrong.append(f"nr_kernel_stack is {kept} KiB, counted {counted}")
    users = Counter(task.mm.number for task in every.values() if task.mm is not None)
    if users != {number: mm.users for number, mm in box.vm.mms.items()}:
        wrong.append(f"{len(box.vm.mms)} address spaces, {len(users)} of them belong to tasks, or not to so many")
    if tasks and not box.panicked and every.get(box.current.pid) is not box.current:
        wrong.append(f"the current process {box.current.pid} is not in the table")
    elif not box.panicked and not box.current.alive:
        wrong.append(f"the current process {box.current.pid} has ended")
    return wrong


def _check_family(box: Box, task: Task, wrong: list[str]) -> None:
    if (task.mm is not None) and (task.is_kthread or not task.alive):
        wrong.append(f"task {task.pid} ({task.state}) should have no memory")
    parent = box.tasks.get(task.ppid)
    if task.leader:
        return
    if task.ppid and (parent is None or task.pid not in parent.children):
        wrong.append(f"task {task.pid}: its parent {task.ppid} does not know it")
    for pid in task.children:
        if pid not in box.tasks or box.tasks[pid].ppid != task.pid:
            wrong.append(f"task {task.pid}: {pid} is not its child")


def _check_group(box: Box, task: Task, wrong: list[str]) -> None:
    """A process knows its threads, and they know it."""
    leader, threads = box.tasks.get(task.tgid), task.signal.threads
    if leader is None or leader.signal is not task.signal or task.pid not in threads:
        wrong.append(f"task {task.pid}: process {task.tgid} does not know it")
    if not task.leader and (threads[:1] != [task.pid] or len(threads) != len(set(threads))):
        wrong.append(f"task {task.pid}: its threads are {threads}")
    if task.leader and not task.alive:
        wrong.append(f"task {task.pid} has ended and is still there")


def _check_stack(box: Box, task: Task, stacks: set[int], wrong: list[str]) -> None:
    pfn = task.stack_pfn
    memmap = box.memmap
    order = 0 if task.stack_addr else 1
    if not pfn or pfn in stacks or (memmap.kind[pfn], memmap.order[pfn], memmap.refcount[pfn]) != (K_STACK, order, 1):
        wrong.append(f"task {task.pid}: {pfn:x} is not a kernel stack of its own")
    stacks.add(pfn)
