"""How an event is printed, and the file `format` that says so (kernel/trace/trace_output.c, trace_events.c: f_show;
include/trace/events/mmflags.h: the names in it).

A format's names in capitals are expressions: SPELLED has what each prints, `_expression` its C.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.include.trace_events import COMMON, CONSTANTS, EVENTS, Event
from memsh.linux.lib.gfptext import GFP_ORDER, gfp_text

if TYPE_CHECKING:
    from memsh.linux.arch.x86.arch import Arch

Values = dict[str, Any]
_SLOT = re.compile(r"\{(\w+):(%\w+)\}")
MEMBERS = ("MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS", "MM_SHMEMPAGES")
MODES = ("MIGRATE_ASYNC", "MIGRATE_SYNC_LIGHT", "MIGRATE_SYNC", "MIGRATE_SYNC_NO_COPY")
REASONS = ("compaction", "memory_failure", "memory_hotplug", "syscall_or_cpuset", "mempolicy_mbind", "numa_misplaced",
           "contig_range", "longterm_pin", "demotion")  # fmt: skip
STATUS = {1: "skipped", 2: "deferred", 4: "continue", 8: "success", 6: "partial_skipped", 5: "complete",
          3: "no_suitable_page", 0: "not_suitable_zone", 7: "contended"}  # fmt: skip
RECLAIM_FLAGS = {1: "RECLAIM_WB_ANON", 2: "RECLAIM_WB_FILE", 0x10: "RECLAIM_WB_MIXED", 4: "RECLAIM_WB_SYNC",
                 8: "RECLAIM_WB_ASYNC"}  # fmt: skip
MINOR_BITS = 20


def _page(arch: Arch, values: Values) -> str:
    pfn = values["pfn"]
    page = arch.mem_map + pfn * arch.struct_page & (1 << arch.bits) - 1 if pfn else 0
    return f"{page:0{arch.bits // 4}x}"


def _truth(value: object) -> str:
    return "true" if value else "false"


def _accounted(arch: Arch, values: Values) -> str:
    return _truth(values["gfp_flags"] & GFP_NAMES["__GFP_ACCOUNT"])


SPELLED: dict[str, Callable[[Arch, Values], Any]] = {
    "ACCOUNTED": _accounted,
    "ADDRESS": lambda arch, values: f"0x{values['address']:x}",
    "CALL_SITE": lambda arch, values: values["call_site"] or "0x0",
    "FRAGMENTING": lambda arch, values: int(values["fallback_order"] < values["pageblock_order"]),
    "GFP": lambda arch, values: gfp_text(values["gfp_flags"]),
    "INO": lambda arch, values: values["ino"],
    "IP": lambda arch, values: f"0x{values['ip']:x}",
    "IS_ACCOUNTED": _accounted,
    "MAJOR": lambda arch, values: values["s_dev"] >> MINOR_BITS,
    "MEMBER": lambda arch, values: MEMBERS[values["member"]],
    "MINOR": lambda arch, values: values["s_dev"] & (1 << MINOR_BITS) - 1,
    "MODE": lambda arch, values: MODES[values["mode"]],
    "OFFSET": lambda arch, values: values["index"] << arch.page_shift,
    "PAGE": _page,
    "PAGEBLOCK_ORDER": lambda arch, values: values["pageblock_order"],
    "PAGE_OR_NULL": _page,
    "PFN_OR_0": lambda arch, values: values["pfn"],
    "REASON": lambda arch, values: REASONS[values["reason"]],
    "RECLAIM_FLAGS": lambda arch, values: "|".join(
        name for bit, name in RECLAIM_FLAGS.items() if values["reclaim_flags"] & bit) or "RECLAIM_WB_NONE",
    "STATUS": lambda arch, values: STATUS[values["status"]],
    "SYNC": lambda arch, values: "sync" if values["sync"] else "async",
}  # fmt: skip


def event_text(arch: Arch, record: tuple[Any, ...]) -> str:
    """`mm_page_free: page=… pfn=0x… order=0`, with pointers as wide as the machine's."""
    name = record[0]
    if name not in EVENTS:
        return f"{name}: {record[1]}"
    event = EVENTS[name]
    values = {**CONSTANTS, **dict(zip(event.noted, record[1:], strict=True))}

    def spell(slot: re.Match[str]) -> str:
        key, conversion = slot.groups()
        value = SPELLED[key](arch, values) if key in SPELLED else values[key]
        if conversion == "%lx":
            return f"{value:x}"
        if conversion == "%p" and not isinstance(value, str):
            return f"{value:08x}"
        return str(value)

    return f"{name}: {_SLOT.sub(spell, event.text)}"


def _bits(*names: str) -> str:
    """Single bits, as ___GFP_… are in C."""
    return " | ".join(f"(( gfp_t)0x{GFP_NAMES['__GFP_' + name]:02x}u)" for name in names)


def _gfp_words() -> dict[str, str]:
    """What the preprocessor makes of each name of flags: they are built one upon another."""
    direct, kswapd = GFP_NAMES["__GFP_DIRECT_RECLAIM"], GFP_NAMES["__GFP_KSWAPD_RECLAIM"]
    words = {"__GFP_RECLAIM": f"(( gfp_t)({direct:#x}u|{kswapd:#x}u))"}
    reclaim, none = words["__GFP_RECLAIM"], "(( gfp_t)0)"
    words["GFP_KERNEL"] = f"({reclaim} | {_bits('IO', 'FS')})"
    words["GFP_USER"] = f"({reclaim} | {_bits('IO', 'FS', 'HARDWALL')})"
    words["GFP_HIGHUSER"] = f"({words['GFP_USER']} | {_bits('HIGHMEM')})"
    words["GFP_HIGHUSER_MOVABLE"] = f"({words['GFP_HIGHUSER']} | {_bits('MOVABLE')} | {none} | {none})"
    light = f"(({words['GFP_HIGHUSER_MOVABLE']} | {_bits('COMP', 'NOMEMALLOC', 'NOWARN')}) & ~{reclaim})"
    words["GFP_TRANSHUGE_LIGHT"], words["GFP_TRANSHUGE"] = light, f"({light} | {_bits('DIRECT_RECLAIM')})"
    words["GFP_KERNEL_ACCOUNT"] = f"({words['GFP_KERNEL']} | {_bits('ACCOUNT')})"
    words["GFP_NOFS"] = f"({reclaim} | {_bits('IO')})"
    words["GFP_ATOMIC"] = f"({_bits('HIGH')}|{_bits('ATOMIC')}|{_bits('KSWAPD_RECLAIM')})"
    words["GFP_NOIO"], words["GFP_NOWAIT"] = f"({reclaim})", f"({_bits('KSWAPD_RECLAIM')})"
    words["GFP_DMA"], words["GFP_DMA32"] = _bits("DMA"), _bits("DMA32")
    return words


def _flags(field: str, pairs: Iterable[tuple[str, str]], none: str) -> str:
    listed = ", ".join(f'{{{bits}, "{name}"}}' for bits, name in pairs)
    return f'({field}) ? __print_flags({field}, "|", {listed} ) : "{none}"'


def _symbolic(field: str, pairs: Iterable[tuple[int, str]], form: str = '{{{0}, "{1}"}}') -> str:
    return f"__print_symbolic({field}, {', '.join(form.format(*pair) for pair in pairs)})"


def _expression(arch: Arch, key: str) -> str:
    """The C of what a format prints, once it has been through the preprocessor."""
    own = arch.print_fmt
    page, order = own["PAGE"], own["PAGEBLOCK_ORDER"]
    truth = ' ? "true" : "false"'
    match key:
        case "GFP":
            words = _gfp_words()
            pairs = ((f"( unsigned long){words.get(name) or _bits(name[6:])}", name) for name in GFP_ORDER)
            return _flags("REC->gfp_flags", pairs, "none")
        case "ACCOUNTED":
            return f"({own['MEMCG_KMEM']} && (REC->gfp_flags & ( unsigned long){_bits('ACCOUNT')})){truth}"
        case "RECLAIM_FLAGS":
            return _flags("REC->reclaim_flags", ((f"{bit:#06x}u", name) for bit, name in RECLAIM_FLAGS.items()),
                          "RECLAIM_WB_NONE")  # fmt: skip
        case "MEMBER":
            return _symbolic("REC->member", enumerate(MEMBERS), '{{ {0}, "{1}" }}')
        case "MODE":
            return _symbolic("REC->mode", enumerate(MODES[:-1]))
        case "REASON":
            return _symbolic("REC->reason", enumerate(REASONS))
        case "STATUS":
            return _symbolic("REC->status", STATUS.items())
    return {
        "ADDRESS": "(void *)REC->address", "CALL_SITE": "(void *)REC->call_site", "IP": "(void *)REC->ip",
        "FRAGMENTING": f"REC->fallback_order < {order}", "INO": "(unsigned long)REC->ino",
        "IS_ACCOUNTED": f"REC->accounted{truth}", "PAGE": page, "PAGEBLOCK_ORDER": order,
        "MAJOR": f"((unsigned int) ((REC->s_dev) >> {MINOR_BITS}))",
        "MINOR": f"((unsigned int) ((REC->s_dev) & ((1U << {MINOR_BITS}) - 1)))",
        "OFFSET": f"REC->index << {arch.page_shift}", "PAGE_OR_NULL": f"REC->pfn != -1UL ? {page} : ((void *)0)",
        "PFN_OR_0": "REC->pfn != -1UL ? REC->pfn : 0", "SYNC": 'REC->sync ? "sync" : "async"',
    }[key]  # fmt: skip


def print_fmt(arch: Arch, event: Event) -> str:
    """`"page=%p pfn=0x%lx", …, REC->pfn`."""
    words = {field.name for field in event.fields if field.type == "char[]"}
    shown = []
    for key, _ in _SLOT.findall(event.text):
        plain = f"__get_str({key})" if key in words else f"REC->{key}"
        shown.append(_expression(arch, key) if key.isupper() or key in SPELLED else plain)
    return ", ".join([f'"{_SLOT.sub(lambda slot: slot[2], event.text)}"', *shown])




def show_format(arch: Arch, name: str, number: int) -> str:
    """The file `format` of an event."""
    rows = []
    for field, offset, size in EVENTS[name].layout(arch.word)[0]:
        base, bracket, count = field.type.partition("[")
        declared = f"__data_loc {field.type} {field.name}" if count == "]" else f"{base} {field.name}{bracket}{count}"
        rows.append(f"\tfield:{declared};\toffset:{offset};\tsize:{size};\tsigned:{int(field.signed)};\n")
    head, own = "".join(rows[: len(COMMON)]), "".join(rows[len(COMMON) :])
    fmt = print_fmt(arch, EVENTS[name])
    return f"name: {name}\nID: {number}\nformat:\n{head}\n{own}\nprint fmt: {fmt}\n"
