"""What must hold for tasks: `check_tasks(box)` compares table, family tree, kernel stacks, slab objects and mms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import K_STACK
from memsh.linux.include.sched import Task

if TYPE_CHECKING:
    from memsh.linux.box import Box

EVERY_TASK = ("task_struct", "cred_jar", "sighand_cache", "signal_cache", "pid")


def check_tasks(box: Box) -> list[str]:
    """Every breach, one line each."""
    wrong: list[str] = []
    tasks = box.tasks
    if list(tasks) != sorted(tasks):
        wrong.append("the task table is not in order of PID")
    stacks: set[int] = set()
    objects: set[int] = set()
    for pid, task in tasks.items():
        if task.pid != pid:
            wrong.append(f"task {pid} says it is {task.pid}")
        _check_family(box, task, wrong)
        _check_stack(box, task, stacks, wrong)
        for name in EVERY_TASK:
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
    users = [task.mm.number for task in tasks.values() if task.mm is not None]
    if sorted(users) != sorted(box.vm.mms):
        wrong.append(f"{len(box.vm.mms)} address spaces, {len(users)} of them belong to tasks")
    if tasks and not box.panicked and tasks.get(box.current.pid) is not box.current:
        wrong.append(f"the current process {box.current.pid} is not in the table")
    return wrong


def _check_family(box: Box, task: Task, wrong: list[str]) -> None:
    parent = box.tasks.get(task.ppid)
    if task.ppid and (parent is None or task.pid not in parent.children):
        wrong.append(f"task {task.pid}: its parent {task.ppid} does not know it")
    for pid in task.children:
        if pid not in box.tasks or box.tasks[pid].ppid != task.pid:
            wrong.append(f"task {task.pid}: {pid} is not its child")
    if (task.mm is not None) and (task.is_kthread or not task.alive):
        wrong.append(f"task {task.pid} ({task.state}) should have no memory")


def _check_stack(box: Box, task: Task, stacks: set[int], wrong: list[str]) -> None:
    pfn = task.stack_pfn
    memmap = box.memmap
    order = 0 if task.stack_addr else 1
    if not pfn or pfn in stacks or (memmap.kind[pfn], memmap.order[pfn], memmap.refcount[pfn]) != (K_STACK, order, 1):
        wrong.append(f"task {task.pid}: {pfn:x} is not a kernel stack of its own")
    stacks.add(pfn)
