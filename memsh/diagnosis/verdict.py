"""A verdict in a few plain sentences: what was asked, why it failed or who was killed, what used the memory, what would
have helped."""

from __future__ import annotations

from typing import NamedTuple

from memsh.diagnosis import account as accounts
from memsh.diagnosis.account import Account
from memsh.diagnosis.rules import Answer, allowed, answers, by_order_rule
from memsh.diagnosis.words import block, count, listed, size
from memsh.proctext.lines import shown
from memsh.proctext.meminfo_report import Memory
from memsh.proctext.oomreport import Report, Victim

CALLS = (
    (
        ("dup_task_struct", "copy_process", "_do_fork", "do_fork", "kernel_clone"),
        "to start a process (its kernel stack)",
    ),
    (
        (
            "__alloc_skb",
            "alloc_skb_with_frags",
            "sk_page_frag_refill",
            "skb_page_frag_refill",
            "netdev_alloc_frag",
            "__netdev_alloc_skb",
            "napi_alloc_skb",
            "__netdev_alloc_frag",
            "page_frag_alloc",
        ),
        "for a network packet",
    ),
    (
        ("do_swap_page", "swapin_readahead", "swap_cluster_readahead", "read_swap_cache_async"),
        "to read a page back from swap",
    ),
    (
        ("filemap_fault", "page_cache_ra_unbounded", "__do_page_cache_readahead", "ondemand_readahead"),
        "to read a page of a file",
    ),
    (("shmem_alloc_page", "shmem_getpage_gfp", "shmem_get_folio_gfp", "shmem_fault"), "for a page of shared memory"),
    (("do_huge_pmd_anonymous_page", "alloc_hugepage_vma"), "for a transparent huge page"),
    (("__pte_alloc", "pte_alloc_one", "__pmd_alloc", "__pud_alloc"), "for a page table"),
    (("do_anonymous_page", "handle_mm_fault", "do_page_fault", "do_wp_page", "do_cow_fault"), "in a page fault"),
    (
        ("pagecache_get_page", "grab_cache_page_write_begin", "generic_file_write_iter", "__page_cache_alloc"),
        "for the page cache",
    ),
    (
        ("dma_alloc_coherent", "dma_alloc_attrs", "__dma_direct_alloc_pages", "dma_direct_alloc"),
        "for a device's DMA buffer",
    ),
    (("__vmalloc_node_range", "__vmalloc", "vmalloc"), "for vmalloc"),
    (
        (
            "kmalloc_order",
            "kmalloc_large_node",
            "__kmalloc",
            "kmalloc_order_trace",
            "kmem_cache_alloc",
            "new_slab",
            "cache_grow",
            "allocate_slab",
            "__slab_alloc",
        ),
        "for objects of the kernel",
    ),
)
"""Functions of a call trace and what their callers wanted, the most telling first."""


class Verdict(NamedTuple):
    """The sentences, a word for the cause, the zones' answers, the account of memory (None: no Mem-Info)."""

    cause: str
    sentences: list[str]
    answers: list[Answer]
    account: Account | None
    notes: list[str]


def purpose(report: Report) -> str:
    """What the call trace says the memory was for; "" where it says nothing known."""
    have = set(report.calls)
    return next((what for names, what in CALLS if have & set(names)), "")


def who(report: Report) -> str:
    """`java (process 1234)`"""
    name = shown(report.comm) if report.comm else "the kernel"
    return f"{name} (process {report.pid})" if report.pid is not None and report.comm else name


def asked(report: Report) -> str:
    """The first sentence of a failure or of a global OOM report."""
    page = report.memory.page if report.memory else 4096
    order = report.order
    what = "memory" if order is None else "one page" if order <= 0 else f"a block of {block(order, page)}"
    gfp = f" with {report.gfp.text}" if report.gfp.text != "unknown" else ""
    if report.gfp.mask is not None and report.gfp.era != "as the report spells it":
        gfp += f" ({report.gfp.mask:#x} by the bits of {report.gfp.era})"
    aim = f" {purpose(report)}" if purpose(report) else ""
    if report.slub is not None and report.slub.cache:
        aim = f" for a slab of the cache {shown(report.slub.cache)}"
    return f"{who(report)} asked for {what}{gfp}{aim}."


def judge(report: Report) -> Verdict:
    """The verdict on one report."""
    memory = report.memory
    found = answers(report) if report.kind in ("oom", "failure", "stall", "slab") else []
    sums = accounts.account(memory) if memory else None
    notes = notes_on(report, sums)
    if report.kind == "memcg":
        cause, sentences = _cgroup(report)
    elif report.kind in ("failure", "stall", "slab"):
        cause, sentences = _failure(report, found, sums)
    elif report.kind == "oom":
        cause, sentences = _global(report, found, sums)
    elif report.kind == "cma":
        cause, sentences = _contiguous(report)
    elif report.kind == "vmalloc":
        cause, sentences = _vmalloc(report, sums)
    elif report.kind == "killed":
        cause, sentences = "killed", [*_killed(report), "Why is not told: the report itself is missing."]
    else:
        cause, sentences = _state(report, sums)
    return Verdict(cause, sentences, found, sums, notes)


def notes_on(report: Report, sums: Account | None) -> list[str]:
    """What is missing, and totals that do not add up."""
    notes = []
    memory = report.memory
    if memory is not None:
        notes += [f"not told: {listed(memory.cut)}"] * bool(memory.cut)
        for zone in memory.zones:
            blocks = sum(one.number * one.size for one in zone.blocks) >> 10
            if zone.block_sum is not None and zone.blocks and blocks != zone.block_sum:
                notes.append(
                    f"node {zone.node} {zone.name}: the blocks add up to {blocks} kB, the line says {zone.block_sum} kB"
                )
        if sums is not None and sums.unnamed is not None and sums.unnamed < -(sums.total or 0) // 50:
            notes.append(f"the uses add up to {size(-sums.unnamed)} more than all memory")
    elif report.kind in ("oom", "failure", "stall"):
        notes.append("not told: Mem-Info, so the zones are unknown")
    if report.kind == "oom" and not report.victims and not report.panic:
        notes.append("not told: who was killed")
    if report.kind in ("oom", "memcg") and not report.tasks:
        notes.append("not told: the table of processes")
    return notes


# --- allocation failures


def _failure(report: Report, found: list[Answer], sums: Account | None) -> tuple[str, list[str]]:
    cause = cause_of(report, found)
    sentences = [asked(report)] if report.kind != "slab" else [_slab_asked(report)]
    if report.kind == "stall":
        sentences[0] = sentences[0][:-1] + " and waited for it a long time: reclaim found hardly anything to free."
    sentences.append(_why(report, found, cause))
    if sums is not None:
        sentences += used(report, sums)
    sentences.append(_help_failure(report, cause))
    return cause, [one for one in sentences if one]


def _slab_asked(report: Report) -> str:
    slub = report.slub
    assert slub is not None
    cache = f"the cache {shown(slub.cache)}" if slub.cache else "a slab cache"
    extra = f" (objects of {count(slub.size)} bytes)" if slub.size else ""
    order = f", slabs of order {slub.order}" if slub.order is not None else ""
    return f"{cache[0].upper()}{cache[1:]}{extra}{order} could not get a new slab with {report.gfp.text}."


def cause_of(report: Report, found: list[Answer]) -> str:
    """fragmentation, reserve, exhausted, cma, highatomic, passes, unknown."""
    asked_zones = [one for one in found if one.why != "empty"]
    if not asked_zones or {one.why for one in asked_zones} <= {"unknown"}:
        return "unknown"
    large = {(zone.node, zone.name): zone.kb.get("managed", zone.kb.get("present", 0)) for zone in allowed(report)}
    asked_zones.sort(key=lambda one: -large.get((one.node, one.zone), 0))

    def counts(one: Answer) -> bool:
        """A zone that can decide: the largest, or one of 64 MiB and more."""
        return one is asked_zones[0] or large.get((one.node, one.zone), 0) >= 64 << 10

    passing = [one for one in asked_zones if one.why == "passes" and counts(one)]
    if passing:
        return "cma" if all(_mostly_cma(report, one) for one in passing) else "passes"
    for one in asked_zones:
        if counts(one) and one.why in ("order", "highatomic"):
            return "fragmentation" if one.why == "order" else one.why
        if counts(one) and one.why == "cma" and one.blocks == 0:
            return "cma"
    first = asked_zones[0].why
    return first if first in ("cma", "reserve") else "exhausted"


def _mostly_cma(report: Report, answer: Answer) -> bool:
    """Whether the zone was as good as used up but for its contiguous memory, which the request may not use."""
    if report.gfp.movable or answer.free >= 2 * (answer.mark + answer.reserve):
        return False
    zone = next(z for z in allowed(report) if (z.node, z.name) == (answer.node, answer.zone))
    return zone.kb.get("free_cma", 0) * 2 > zone.kb.get("free", 0)


def _why(report: Report, found: list[Answer], cause: str) -> str:
    told = [one for one in found if one.why != "empty"]
    if not told:
        return "Which zone refused is not told: the report has no zones."
    answers_text = "; ".join(one.sentence for one in told[:8])
    answers_text = answers_text[0].upper() + answers_text[1:] if answers_text.startswith("node") else answers_text
    lead = {
        "fragmentation": "Memory is fragmented: there are pages, but not enough in a row",
        "reserve": "What is free is kept for requests that can use nothing else (lowmem_reserve)",
        "cma": "Most of what is free is contiguous memory (CMA), which this request may not use",
        "highatomic": "The blocks that are left are kept for atomic requests",
        "exhausted": "No zone that it may use had pages to spare",
        "passes": "By the figures of the report it could have been served, so pages were freed after it had failed",
        "unknown": "Which rule refused it cannot be told",
    }[cause]
    rule = ""
    if report.order and by_order_rule(report) and any(one.why == "order" for one in told):
        rule = " (before Linux 4.4 half of the watermark is asked for again at each order)"
    return f"{lead}: {answers_text}{rule}."


def _help_failure(report: Report, cause: str) -> str:
    order, gfp = report.order or 0, report.gfp
    wait = (
        ""
        if gfp.may_wait
        else " It might not wait for reclaim or compaction, so only what was free at that moment counted."
    )
    if cause == "fragmentation":
        cure = "compaction (vm.compact_memory), a larger vm.min_free_kbytes, or a caller that falls back to"
        text = f"A free block of order {order} would have helped, not more memory: {cure} smaller blocks or vmalloc."
        return text + wait
    if cause in ("reserve", "exhausted") and not gfp.may_wait:
        return f"A larger vm.min_free_kbytes keeps more pages for such requests.{wait}"
    if cause == "reserve":
        zone = "a request that may use higher zones only leaves the lower ones their reserve"
        return f"Free memory in a zone above would have helped; vm.lowmem_reserve_ratio sets the reserve ({zone})."
    if cause == "cma":
        cure = "More memory outside the CMA area (a smaller cma= on the kernel's command line) would have helped."
        return cure + wait
    if cause == "highatomic":
        return "Compaction or more free memory in large blocks would have helped."
    if cause == "exhausted":
        return "Less memory in use, or swap to move it to, would have helped."
    if cause == "passes" and not gfp.may_wait:
        return f"A larger vm.min_free_kbytes keeps more pages for such moments.{wait}"
    return wait.strip()


def _contiguous(report: Report) -> tuple[str, list[str]]:
    cma = report.cma
    assert cma is not None
    sentences = [f"The contiguous area (CMA) was asked for {count(cma.wanted)} pages in a row and could not give them."]
    if cma.free is None or cma.total is None:
        sentences.append("How much of it was free is not told.")
    elif cma.free < cma.wanted:
        few = f"Only {count(cma.free)} of its {count(cma.total)} pages were free"
        sentences.append(f"{few}: it is too small for what uses it.")
    else:
        most = f", at most {count(cma.largest)} in a row" if cma.largest else ""
        sentences.append(
            f"{count(cma.free)} of its {count(cma.total)} pages were free{most}: pages in it that could not be moved "
            "away (pinned or being written) broke it up."
        )
    cure = "A larger cma= on the kernel's command line, or fewer and smaller buffers at a time"
    sentences.append(f"{cure}, would have helped.")
    return "cma", sentences


def _vmalloc(report: Report, sums: Account | None) -> tuple[str, list[str]]:
    wanted = size((report.vmalloc or 0) / 1024)
    gfp = f" with {report.gfp.text}" if report.gfp.text != "unknown" else ""
    sentences = [f"{who(report)} asked vmalloc for {wanted}{gfp}."]
    if report.area:
        sentences.append("Addresses were short, not memory: the vmalloc area has no hole of that size.")
        sentences.append(
            "A larger area (vmalloc= on a 32-bit kernel's command line) or a 64-bit kernel would have helped."
        )
        return "vmalloc area", sentences
    sentences.append("It takes single pages, so a page was not to be had: what was free is in the figures.")
    if sums is not None:
        sentences += used(report, sums)
    sentences.append("Less memory in use, or a smaller request, would have helped.")
    return "exhausted", sentences


# --- the OOM killer


def _global(report: Report, found: list[Answer], sums: Account | None) -> tuple[str, list[str]]:
    cause = cause_of(report, found)
    memory = report.memory
    bound = ""
    if report.constraint == "CONSTRAINT_CPUSET":
        cause, bound = "cpuset", "its cpuset allows only some nodes"
    elif report.constraint == "CONSTRAINT_MEMORY_POLICY":
        cause, bound = "mempolicy", "its memory policy allows only some nodes"
    elif cause in ("exhausted", "reserve") and memory is not None and _lowmem(report, memory):
        cause = "lowmem"
    sentences = [asked(report)]
    if bound:
        nodes = sorted({one.node for one in found}) or report.nodemask or report.mems_allowed or []
        told = "; ".join(one.sentence for one in found if one.why != "empty")
        place = f"node {listed([str(n) for n in nodes])}"
        sentences.append(f"Not the machine but {place} was out of memory, for {bound} ({told}).")
    elif cause == "lowmem":
        sentences.append(f"Low memory was used up while high memory was not: {_lowmem_text(report, found)}.")
    else:
        sentences.append(_why(report, found, cause))
    sentences += _killed(report)
    if sums is not None:
        sentences += used(report, sums)
    sentences.append(_help_oom(report, cause, sums))
    return cause, [one for one in sentences if one]


def _lowmem(report: Report, memory: Memory) -> bool:
    """HighMem has pages to give, but the request may not use it."""
    high = [zone for zone in memory.zones if zone.name == "HighMem" and zone.kb.get("present", 0)]
    if not high or report.gfp.zone in ("HighMem", "Movable"):
        return False
    return any(zone.kb.get("free", 0) > 2 * zone.kb.get("min", 0) for zone in high)


def _lowmem_text(report: Report, found: list[Answer]) -> str:
    memory = report.memory
    assert memory is not None
    high = sum(zone.kb.get("free", 0) for zone in memory.zones if zone.name == "HighMem")
    told = "; ".join(one.sentence for one in found if one.why != "empty")
    return f"{told}; HighMem has {size(high)} free, which the kernel's own data cannot use"


def _killed(report: Report) -> list[str]:
    if report.panic and not report.victims:
        return ["There was nobody left to kill: the kernel panicked."]
    if not report.victims:
        return []
    texts = [_victim(report, one) for one in report.victims[:3]]
    more = f", and {len(report.victims) - 3} more" if len(report.victims) > 3 else ""
    text = f"Killed: {'; '.join(texts)}{more}."
    victim = report.victims[0]
    larger = [
        task for task in report.tasks if task.pid != victim.pid and task.rss > 2 * (_rss(report, victim) or 1 << 60)
    ]
    if larger:
        top = max(larger, key=lambda task: task.rss)
        page = report.memory.page if report.memory else 4096
        why = f" because its oom_score_adj is {top.oom_score_adj}" if (top.oom_score_adj or 0) < 0 else ""
        text += f" {shown(top.name)} ({top.pid}) held more ({size(top.rss * page >> 10)}) and was spared{why}."
    return [text]


def _rss(report: Report, victim: Victim) -> int | None:
    task = next((task for task in report.tasks if task.pid == victim.pid), None)
    return task.rss if task else None


def _victim(report: Report, victim: Victim) -> str:
    page = report.memory.page if report.memory else 4096
    name = f"{shown(victim.name)} (process {victim.pid})"
    parts = [
        f"{size(victim.kb[k])} {label}"
        for k, label in (("anon-rss", "anonymous"), ("file-rss", "of files"), ("shmem-rss", "shared"))
        if victim.kb.get(k)
    ]
    if not parts and _rss(report, victim) is not None:
        parts = [f"{size((_rss(report, victim) or 0) * page >> 10)} resident"]
    text = f"{name}, which held {listed(parts)}" if parts else name
    adjusted = victim.oom_score_adj
    if adjusted is None:
        adjusted = next((task.oom_score_adj for task in report.tasks if task.pid == victim.pid), None)
    if adjusted:
        text += f" (oom_score_adj {adjusted})"
    return text


def used(report: Report, sums: Account) -> list[str]:
    """What held the memory, the largest first."""
    if not sums.uses or not sums.total:
        return []
    page = report.memory.page if report.memory else 4096
    uses = sorted(((kb, name) for name, kb in sums.uses.items() if kb * 50 > sums.total), reverse=True)
    texts = [f"{name} {size(kb)} ({100 * kb // sums.total} %)" for kb, name in uses[:5]]
    text = f"Of {size(sums.total)} of memory: {', '.join(texts)}." if texts else ""
    if sums.unnamed is not None and sums.unnamed * 10 > sums.total:
        text += f" {size(sums.unnamed)} are in none of these counters (drivers, a balloon, vmalloc and the like)."
    top = accounts.groups(report.tasks)[:3]
    if top and top[0].rss:
        told = [f"{group.members} × {shown(group.name)}" if group.members > 1 else shown(group.name) for group in top]
        told = [f"{name} {size(group.rss * page >> 10)}" for name, group in zip(told, top, strict=True) if group.rss]
        text += f" Of the processes most is resident for {listed(told)}."
    return [text.strip()] if text else []


def _help_oom(report: Report, cause: str, sums: Account | None) -> str:
    memory = report.memory
    hints: list[str] = []
    if cause == "fragmentation":
        return _help_failure(report, cause)
    if cause == "lowmem":
        return "A 64-bit kernel, which has no high memory, would have helped; more RAM would not."
    if cause in ("cpuset", "mempolicy"):
        return "Memory on the other nodes did not count: a wider cpuset or policy would have helped."
    if cause == "cma":
        return _help_failure(report, cause)
    if sums is not None and sums.total:
        part = {name: kb / sums.total for name, kb in sums.uses.items()}
        if part.get(accounts.SLAB_U, 0) > 0.25:
            held = _slab_names(report)
            hints.append(f"the kernel's unreclaimable slab is far too large{held}: find its owner with slabtop")
        if part.get(accounts.HUGE, 0) > 0.25:
            hints.append("the huge page pool (vm.nr_hugepages) holds memory that nobody else can use: make it smaller")
        if part.get(accounts.SHMEM, 0) > 0.25:
            hints.append("shared memory and tmpfs cannot be dropped: look at df of tmpfs and at ipcs")
        if part.get(accounts.TABLES, 0) > 0.1:
            hints.append("page tables are large: many processes map the same memory; huge pages shrink them")
        if part.get(accounts.LOCKED, 0) > 0.25:
            hints.append("locked memory cannot be reclaimed")
        if sums.unnamed is not None and sums.unnamed / sums.total > 0.3:
            hints.append("look for a driver or a balloon that holds what no counter names")
    look = f" Look first at this: {'; '.join(hints)}." if hints else ""
    return f"What would have helped: {_swap_text(memory)}.{look}"


def _slab_names(report: Report) -> str:
    rows = sorted(report.memory.slabs if report.memory else [], key=lambda row: -row[2])[:2]
    return f" ({listed([f'{shown(name)} {size(kb)}' for name, _, kb in rows])})" if rows else ""


def _swap_text(memory: Memory | None) -> str:
    if memory is None or memory.swap_total is None:
        return "less memory in use, or more of it"
    if not memory.swap_total:
        return "swap space (there is none), more RAM, or fewer processes at a time"
    free = memory.swap_free or 0
    if free * 20 < memory.swap_total:
        return f"more RAM or swap (its {size(memory.swap_total)} were full), or fewer processes at a time"
    left = f"swap still had {size(free)} of {size(memory.swap_total)} free"
    return f"less memory that cannot be reclaimed, not more swap ({left})"


# --- memory cgroups


def _cgroup(report: Report) -> tuple[str, list[str]]:
    group = shown(report.cgroup, 120) if report.cgroup else None
    memory = next((one for one in report.limits if one.name == "memory"), None)
    both = next((one for one in report.limits if one.name in ("memory+swap", "swap")), None)
    kernel = next((one for one in report.limits if one.name == "kmem"), None)
    name = f"The memory cgroup {group}" if group else "A memory cgroup (which one is not told)"
    limited = memory
    for other in (both, kernel):
        if other is not None and other.limit is not None and other.usage >= other.limit - 64:
            if memory is None or memory.limit is None or memory.usage < memory.limit - 64:
                limited = other
    if limited is not None and limited.limit is not None:
        what = "" if limited.name == "memory" else f" of {limited.name}"
        hit = f", met {count(limited.failcnt)} times" if limited.failcnt else ""
        text = f"{name} reached its limit{what} of {size(limited.limit)} (in use: {size(limited.usage)}{hit})"
    else:
        text = f"{name} was at its limit, which is not told"
    sentences = [f"{text}; the machine itself was not out of memory.", *_killed(report)]
    sentences.append(_cgroup_use(report))
    wanted = f"a higher limit (memory.max, docker --memory, a pod's limits) or less memory for {_cgroup_name(report)}"
    if both is not None and both.limit == 0:
        wanted += "; the group may not swap"
    sentences.append(f"What would have helped: {wanted}.")
    return "cgroup", [one for one in sentences if one]


def _cgroup_name(report: Report) -> str:
    return shown(report.victims[0].name) if report.victims else "its processes"


def _cgroup_use(report: Report) -> str:
    s = report.stats
    page = report.memory.page if report.memory else 4096
    parts = []
    for names, label in (
        (("anon", "rss"), "processes' own pages"),
        (("file", "cache"), "page cache"),
        (("shmem",), "of it shared memory"),
        (("slab",), "slab"),
        (("kernel_stack",), "kernel stacks"),
        (("pagetables",), "page tables"),
        (("sock",), "sockets"),
    ):
        value = next((s[name] for name in names if s.get(name)), 0)
        if value >= 1 << 20:
            parts.append(f"{label} {size(value >> 10)}")
    text = f"In the group: {', '.join(parts)}." if parts else ""
    top = [group for group in accounts.groups(report.tasks)[:3] if group.rss]
    if top:
        told = [f"{g.members} × {shown(g.name)}" if g.members > 1 else shown(g.name) for g in top]
        sums = [f"{name} {size(g.rss * page >> 10)}" for name, g in zip(told, top, strict=True)]
        text += f" Most is resident for {listed(sums)}."
    return text.strip()


# --- no request: SysRq-m, a Mem-Info alone


def _state(report: Report, sums: Account | None) -> tuple[str, list[str]]:
    memory = report.memory
    if memory is None:
        return "state", ["The report has no Mem-Info: nothing can be told of memory."]
    lead = (
        "SysRq-m shows memory as it was; nothing had failed."
        if report.kind == "sysrq"
        else "A Mem-Info without a request: nothing is told to have failed."
    )
    sentences = [lead]
    low = [
        zone
        for zone in memory.zones
        if "min" in zone.kb
        and zone.kb.get("free", 0) < zone.kb["low" if "low" in zone.kb else "min"]
        and zone.kb.get("managed", zone.kb.get("present", 1))
    ]
    if low:
        names = listed(
            [
                f"node {zone.node} {zone.name} ({size(zone.kb['free'])} free, low {size(zone.kb.get('low', 0))})"
                for zone in low
            ]
        )
        sentences.append(f"Below the low watermark, where kswapd works: {names}.")
    elif any("min" in zone.kb for zone in memory.zones):
        sentences.append("Every zone is above its low watermark.")
    if sums is not None:
        sentences += used(report, sums)
    return "state", sentences
