"""The OOM killer (mm/oom_kill.c).

When nothing can be reclaimed a process dies: the one with the most memory, pages in swap and page tables included,
weighed by its oom_score_adj. A victim that is not running ends at once, and its memory is free. The process that asks
cannot end inside the allocator: it is marked, may use half of the reserves, and dies on its way back to user space
(Killed is raised from the fault, or settle() ends it after the system call).

A memory cgroup at its limit looks for a victim among its own; with memory.oom.group all of a group die together.

Known deviations: the OOM reaper has nothing to do; there are no cpusets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES
from memsh.linux.include.kern_levels import KERN_ERR, KERN_INFO, KERN_WARNING
from memsh.linux.include.mempolicy import MPOL_BIND
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, MM_SWAPENTS
from memsh.linux.include.sched import live_thread
from memsh.linux.kernel.exit import panic
from memsh.linux.kernel.signal import force_sig
from memsh.linux.lib.dump_stack import dump_stack, requester
from memsh.linux.lib.gfptext import gfp_text
from memsh.linux.lib.ratelimit import RateLimit
from memsh.linux.mm.memcontrol.report import mem_cgroup_get_max, print_oom_meminfo
from memsh.linux.mm.memory.outcome import Killed
from memsh.linux.mm.page_alloc.showmem import cpuset_text, gfp_zone, nodemask_text, show_mem, warn_alloc

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup
    from memsh.linux.include.mmzone import Node
    from memsh.linux.include.sched import Task

NOWARN = GFP_NAMES["__GFP_NOWARN"]
FS = GFP_NAMES["__GFP_FS"]
HARDWALL = GFP_NAMES["__GFP_HARDWALL"]
OOM_SCORE_ADJ_MIN = -1000
SIGKILL = 9
LRU_ITEMS = (  # more unreclaimable slab than these is told of (should_dump_unreclaim_slab)
    "nr_active_anon", "nr_inactive_anon", "nr_active_file", "nr_inactive_file", "nr_isolated_anon", "nr_isolated_file",
    "nr_unevictable",
)  # fmt: skip
NOPAGE_USEC = 10_000_000  # nopage_rs: one report in ten seconds


def oom_badness(box: Box, task: Task, totalpages: int) -> int | None:
    """How good it would be to kill the process: its pages, weighed; None if it must not be killed."""
    thread = live_thread(box, task)
    mm = thread.mm if thread is not None else None
    if mm is None or task.tgid == box.init.pid or task.oom_score_adj == OOM_SCORE_ADJ_MIN:
        return None
    return mm.get_rss() + mm.counter(MM_SWAPENTS) + mm.nr_ptes + task.oom_score_adj * (totalpages // 1000)


class Oom:
    """`box.oom`. `victim` is the PID of a process that was chosen and has not ended yet, 0 = none."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.victim = 0
        self.hardwall = False  # that request may not leave its cpuset
        self.nodes: tuple[int, ...] | None = None  # those that the request which found nothing was bound to
        self.memcg: MemCgroup | None = None  # the group at its limit, None: the machine has no memory left
        self.via = ""
        self.origin = False  # swapoff runs: it is the one to give way (oom_task_origin)
        self.warnings = RateLimit(NOPAGE_USEC, 1)
        self.reports = RateLimit()

    def is_victim(self, task: Task | None) -> bool:
        """Whether the task was chosen and has not ended yet (tsk_is_oom_victim)."""
        return task is not None and self.victim != 0 and task.tgid == self.victim

    def raise_if_killed(self, task: Task | None) -> None:
        """On the way back to user space: Killed, if the task is the victim."""
        if self.victim and self.is_victim(task):
            raise Killed

    def settle(self) -> Task | None:
        """End a marked victim, whose system call is over; the task that ended."""
        box = self.box
        task = box.tasks.get(self.victim) if self.victim else None
        self.victim = 0
        if task is None or live_thread(box, task) is None:
            return None
        force_sig(box, task, SIGKILL)
        return task

    def totalpages(self) -> int:
        """RAM and swap (oc->totalpages); with a policy that binds, RAM of those nodes, for a group what it may have
        (constrained_alloc)."""
        if self.memcg is not None:
            return mem_cgroup_get_max(self.memcg, self.box.swap.total_pages) or 1
        bound = self._bound() or self._confined()
        if bound:
            return sum(node.present for node in bound) + self.box.swap.total_pages
        return sum(zone.managed for zone in self.box.pages.zones) + self.box.swap.total_pages

    def _bound(self) -> list[Node]:
        """The nodes that the request was bound to, none if it might use all of them."""
        nodes = self.box.pages.nodes
        if self.nodes is None or all(node.nid in self.nodes for node in nodes if node.present):
            return []
        return [nodes[nid] for nid in self.nodes]

    def _confined(self) -> list[Node]:
        """The nodes of the current task's cpuset, none if the request might go beyond them (CONSTRAINT_CPUSET)."""
        pages = self.box.pages
        return [pages.nodes[nid] for nid in pages.mems] if pages.mems is not None and self.hardwall else []

    def mem_cgroup_out_of_memory(self, memcg: MemCgroup, gfp: int, order: int, via: str = "charge") -> bool:
        """A group is at its limit: one of its own dies; whether that may help. `via`: who found it so (Traces)."""
        if memcg.memory.max - memcg.memory.usage >= 1 << order:
            return True
        self.memcg, self.via = memcg, via
        try:
            return self.out_of_memory(gfp, order)
        finally:
            self.memcg = None

    def out_of_memory(self, gfp: int, order: int, nodes: tuple[int, ...] | None = None) -> bool:
        """Kill a process; whether that may help the allocation. `nodes`: all that the request may use, None for any.

        Panics if vm.panic_on_oom says so, or nobody is left to kill.
        """
        box = self.box
        self.nodes = nodes
        self.hardwall = bool(gfp & HARDWALL)
        memcg = self.memcg
        current = box.current
        values = box.sysctl.values
        if current is None or self.origin:  # before the first process (oom_killer_disabled), or swapoff gives up
            return False
        if self.is_victim(current):
            return True
        if current.signal.exiting:  # task_will_free_mem(): it may use the reserves, and nobody is killed for it
            self.victim = current.tgid
            return True
        if not gfp & FS and memcg is None:
            return True
        bound = memcg is not None or self._bound() or self._confined()
        if values["vm.panic_on_oom"] == 2 or (values["vm.panic_on_oom"] == 1 and not bound):
            self._panic_on_oom(gfp, order, values["vm.panic_on_oom"])
            return False
        if memcg is None and values["vm.oom_kill_allocating_task"] and oom_badness(box, current, 0) is not None:
            self._kill(current, gfp, order, "Out of memory (oom_kill_allocating_task)")
            return True
        victim = self._select_bad_process()
        if victim is None:
            self._dump_header(gfp, order, head="oom_deadlock")
            box.log.printk("Out of memory and no killable processes...", KERN_WARNING)
            if memcg is None:
                self._panic("System is deadlocked on memory", "oom_deadlock", gfp)
            return False
        self._kill(victim, gfp, order, "Out of memory" if memcg is None else "Memory cgroup out of memory")
        return True

    def moom_callback(self) -> None:
        """A person asks for a victim (drivers/tty/sysrq.c): a worker of the kernel looks for one."""
        box = self.box
        self.nodes = None
        victim = self._select_bad_process()
        if victim is None:
            box.log.printk("sysrq: OOM request ignored. No task eligible", KERN_INFO)
            return
        worker = next((task for task in box.tasks.values() if task.comm.startswith("kworker/0:")), box.current)
        self._kill(victim, GFP_KERNEL, -1, "Out of memory", worker)

    def warn_alloc(self, gfp: int, words: str, head: str = "pages", via: str = "") -> None:
        """An allocation failed for good, `words` say which: the report, unless __GFP_NOWARN, and not more than one in
        ten seconds."""
        box = self.box
        if gfp & NOWARN or box.current is None or box.panicked:
            return
        if self.warnings.allows(box, "warn_alloc"):
            warn_alloc(box, gfp, words, head, via or box.pages.via)

    # -- who, and how -----------------------------------------------------------------------------------------------

    def _select_bad_process(self) -> Task | None:
        box = self.box
        total = self.totalpages()
        chosen: Task | None = None
        most: int | None = None
        for task in self._candidates():
            if self.memcg is None and (self._bound() or self.box.pages.mems is not None) and not self._in_domain(task):
                continue
            points = oom_badness(box, task, total)
            if points is not None and (most is None or points >= most):
                chosen, most = task, points
        return chosen

    def _candidates(self) -> list[Task]:
        """The tasks to choose from: all, or those in the group and below it, a group at a time."""
        box = self.box
        if self.memcg is None:
            return list(box.tasks.values())
        return self.members(self.memcg)

    def members(self, root: MemCgroup) -> list[Task]:
        """The tasks whose memory is that of the group or of those below it (mem_cgroup_scan_tasks)."""
        place = {memcg: number for number, memcg in enumerate(root.tree())}
        found = [(place[memcg], task) for task in self.box.tasks.values()
                 if (memcg := self.box.memcg.of_task(task)) in place]  # fmt: skip
        return [task for _, task in sorted(found, key=lambda entry: entry[0])]

    def _in_domain(self, task: Task) -> bool:
        """Whether a task may have memory of the nodes that ran out (oom_cpuset_eligible, mempolicy_in_oom_domain)."""
        if self.nodes is None:
            sets = self.box.cgroups.cpusets
            return bool(sets.of_task(self.box.current).effective_mems & sets.of_task(task).effective_mems)
        policy = task.mempolicy
        if policy is None or policy.mode != MPOL_BIND:
            return True
        return not set(policy.nodes).isdisjoint(self.nodes or ())

    def _dump_header(self, gfp: int, order: int, worker: Task | None = None, head: str = "oom") -> None:
        box = self.box
        current = worker or box.current
        box.log.printk(
            f"{current.comm} invoked oom-killer: gfp_mask={gfp:#x}({gfp_text(gfp)}), order={order}, "
            f"oom_score_adj={current.oom_score_adj}",
            KERN_WARNING,
        )
        if worker is not None:
            dump_stack(box, "sysrq", "", worker=worker)
        elif self.memcg is not None:
            dump_stack(box, "memcg", self.via)
        else:
            dump_stack(box, head, requester(box, gfp, box.pages.via))
        if self.memcg is not None:
            print_oom_meminfo(box, self.memcg)
        else:
            show_mem(box, self.nodes, gfp_zone(box, gfp))
        if self.memcg is None and box.vmstat["nr_slab_unreclaimable"] > sum(box.vmstat[name] for name in LRU_ITEMS):
            box.slab.dump_unreclaimable_slab()
        if box.sysctl.values["vm.oom_dump_tasks"]:
            self._dump_tasks()

    def _dump_tasks(self) -> None:
        log = self.box.log
        log.printk("Tasks state (memory values in pages):", KERN_INFO)
        log.printk("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name", KERN_INFO)
        for task in self._candidates():
            thread = live_thread(self.box, task)
            mm = thread.mm if thread is not None else None
            if thread is None or mm is None or task is self.box.init:
                continue
            log.printk(
                f"[{thread.pid:7d}] {0:5d} {task.pid:5d} {mm.total_vm:8d} {mm.get_rss():8d} {mm.nr_ptes * 4096:8d} "
                f"{mm.counter(MM_SWAPENTS):8d}         {task.oom_score_adj:5d} {thread.comm}",
                KERN_INFO,
            )

    def _kill(self, victim: Task, gfp: int, order: int, message: str, worker: Task | None = None) -> None:
        """oom_kill_process(): the report, then the end of the victim, now or as soon as it can."""
        box = self.box
        victim = live_thread(box, victim) or victim
        log = box.log
        if self.reports.allows(box, "oom_kill_process"):
            self._dump_header(gfp, order, worker)
            if self.memcg is not None:
                constraint = "MEMCG"
            else:
                constraint = "MEMORY_POLICY" if self._bound() else "CPUSET" if self._confined() else "NONE"
            log.printk(f"oom-kill:constraint=CONSTRAINT_{constraint},nodemask={nodemask_text(self.nodes)}"
                       f"{cpuset_text(box)}{self._context(victim)},task={victim.comm},pid={victim.pid},uid=0")
        group = self._oom_group(victim)
        members = self.members(group) if group is not None else []
        victims = {victim.pid: victim}
        self._kill_process(victim, message)
        if group is not None:
            group.event("oom_group_kill")
            log.printk(f"Tasks in {group.cgroup.path} are going to be killed due to memory.oom.group set", KERN_INFO)
            for task in members:
                thread = live_thread(box, task)
                if task.oom_score_adj != OOM_SCORE_ADJ_MIN and task is not box.init and thread is not None:
                    self._kill_process(thread, message)  # the first victim is told of again: it has not run since
                    victims[thread.pid] = thread
        for task in victims.values():
            if task.tgid == box.current.tgid:
                self.victim = task.tgid
            elif task.mm is not None:
                force_sig(box, task, SIGKILL)

    def _context(self, victim: Task) -> str:
        """Which groups it is about (mem_cgroup_print_oom_context)."""
        if "MEMCG" not in self.box.model.options:
            return ""
        limit = f",oom_memcg={self.memcg.cgroup.path}" if self.memcg is not None else ",global_oom"
        return f"{limit},task_memcg={self.box.memcg.of_task(victim).cgroup.path}"

    def _oom_group(self, victim: Task) -> MemCgroup | None:
        """The highest group above the victim, up to the one at its limit, that dies as a whole
        (mem_cgroup_get_oom_group)."""
        found = None
        at: MemCgroup | None = self.box.memcg.of_task(victim)
        while at is not None and at.parent is not None:
            if at.oom_group:
                found = at
            if at is self.memcg:
                break
            at = at.parent
        return found

    def _kill_process(self, victim: Task, message: str) -> None:
        """What the log says of one victim, whom a signal awaits, and what is counted (__oom_kill_process)."""
        box, log = self.box, self.box.log
        mm = victim.mm
        if mm is None:
            return
        box.vmstat["oom_kill"] += 1
        box.memcg.of_task(victim).event("oom_kill")
        rss = [mm.counter(member) for member in range(4)]
        log.printk(
            f"{message}: Killed process {victim.pid} ({victim.comm}) total-vm:{mm.total_vm * 4}kB, "
            f"anon-rss:{rss[MM_ANONPAGES] * 4}kB, file-rss:{rss[MM_FILEPAGES] * 4}kB, "
            f"shmem-rss:{rss[MM_SHMEMPAGES] * 4}kB, UID:0 pgtables:{mm.nr_ptes * 4}kB "
            f"oom_score_adj:{victim.oom_score_adj}",
            KERN_ERR,
        )
        if box.trace.on:
            pages = mm.total_vm, rss[MM_ANONPAGES], rss[MM_FILEPAGES], rss[MM_SHMEMPAGES], mm.nr_ptes
            kb = [4 * count for count in pages]
            box.trace.emit("mark_victim", victim.pid, victim.comm, *kb, victim.oom_score_adj)

    def _panic_on_oom(self, gfp: int, order: int, mode: int) -> None:
        self._dump_header(gfp, order, head="oom_on")
        kind = "compulsory" if mode == 2 else "system-wide"
        self._panic(f"Out of memory: {kind} panic_on_oom is enabled", "oom_on", gfp)

    def _panic(self, words: str, head: str, gfp: int) -> None:
        panic(self.box, words, f"panic_{head}", requester(self.box, gfp, self.box.pages.via))
