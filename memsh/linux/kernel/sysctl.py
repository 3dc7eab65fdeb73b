"""The tunables under /proc/sys/vm and /proc/sys/kernel: names, ranges, effects, refusals.

Models kernel/sysctl.c (proc_dointvec_minmax, proc_doulongvec_minmax, vm_table, kern_table) and the handlers in
mm/page_alloc.c, mm/util.c, mm/compaction.c, fs/drop_caches.c. A value is text: numbers separated by tabs.

**Known deviations:** tunables of parts that memsh does not have (statistics, panics) only keep their value.
Reading lowmem_reserve_ratio does not recompute the reserves, as Linux does by accident: reading changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import UTS_RELEASE
from memsh.linux.config import ARCHES
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl_net as net
from memsh.linux.kernel import sysctl_table as table
from memsh.linux.kernel.cmdline import console_loglevel
from memsh.linux.kernel.sysctl_live import live_value
from memsh.linux.kernel.sysctl_table import CHOICES, COUNTERS, FIXED, LIVE, NUMBERS, VECTORS, WORDS
from memsh.linux.mm.hugetlb import sysctl as hugetlb

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.config import Config

INT_MAX = (1 << 31) - 1
PID_MAX_LIMIT = {4: 1 << 15, 8: 4 << 20}  # by the bytes of a word
INT_MIN = -(1 << 31)
ULONG_MAX = (1 << 64) - 1  # of the widest machine; each ends where its own unsigned long does

# plain values: name -> (default, lowest, highest)
PLAIN: dict[str, tuple[int, int, int]] = {
    "vm.compact_unevictable_allowed": (1, 0, 1),
    "vm.compaction_proactiveness": (20, 0, 100),
    "vm.dirty_background_bytes": (0, 1, ULONG_MAX),
    "vm.dirty_background_ratio": (10, 0, 100),
    "vm.dirty_bytes": (0, 2 * 4096, ULONG_MAX),
    "vm.dirty_expire_centisecs": (3000, 0, INT_MAX),
    "vm.dirty_ratio": (20, 0, 100),
    "vm.dirty_writeback_centisecs": (500, INT_MIN, INT_MAX),
    "vm.dirtytime_expire_seconds": (43200, 0, INT_MAX),
    "vm.extfrag_threshold": (500, 0, 1000),
    "vm.highmem_is_dirtyable": (0, 0, 1),
    "vm.hugetlb_shm_group": (0, INT_MIN, INT_MAX),
    "vm.laptop_mode": (0, INT_MIN, INT_MAX),
    "vm.memory_failure_early_kill": (0, 0, 1),
    "vm.memory_failure_recovery": (1, 0, 1),
    "vm.min_slab_ratio": (5, 0, 100),
    "vm.min_unmapped_ratio": (1, 0, 100),
    "vm.mmap_rnd_bits": (8, 8, 16),
    "vm.mmap_rnd_compat_bits": (8, 8, 16),
    "vm.numa_stat": (1, 0, 1),
    "vm.oom_dump_tasks": (1, INT_MIN, INT_MAX),
    "vm.oom_kill_allocating_task": (0, INT_MIN, INT_MAX),
    "vm.page-cluster": (3, 0, 31),
    "vm.page_lock_unfairness": (5, 0, INT_MAX),
    "vm.panic_on_oom": (0, 0, 2),
    "vm.stat_interval": (1, INT_MIN, INT_MAX),
    "vm.swappiness": (60, 0, 200),
    "vm.unprivileged_userfaultfd": (0, 0, 1),
    "vm.vdso_enabled": (1, INT_MIN, INT_MAX),
    "abi.vsyscall32": (1, 0, 1),
    "vm.vfs_cache_pressure": (100, 0, INT_MAX),
    "vm.zone_reclaim_mode": (0, 0, INT_MAX),
    "kernel.kptr_restrict": (0, 0, 2),
    "kernel.numa_balancing": (0, 0, 4),
    "kernel.panic": (0, INT_MIN, INT_MAX),
    "kernel.randomize_va_space": (2, INT_MIN, INT_MAX),
    **NUMBERS,
}
# names that only kernels with an option have (`!OPTION`: only those without)
OPTIONS = {
    "vm.highmem_is_dirtyable": "HIGHMEM", "vm.vdso_enabled": "HIGHMEM",
    "vm.memory_failure_early_kill": "MEMORY_FAILURE", "vm.memory_failure_recovery": "MEMORY_FAILURE",
    "vm.min_slab_ratio": "NUMA", "vm.min_unmapped_ratio": "NUMA",
    "vm.numa_stat": "NUMA", "vm.zone_reclaim_mode": "NUMA", "vm.numa_zonelist_order": "NUMA",
    "vm.mmap_rnd_compat_bits": "COMPAT", "vm.unprivileged_userfaultfd": "USERFAULTFD",
    "kernel.numa_balancing": "NUMA_BALANCING", "abi.vsyscall32": "COMPAT",
    "vm.hugetlb_shm_group": "HUGETLB_PAGE", **dict.fromkeys(hugetlb.NAMES, "HUGETLB_PAGE"), **net.OPTIONS,
}  # fmt: skip
# values that live in box.vm, whose code reads them there
IN_VM: dict[str, tuple[int, int]] = {
    "vm.admin_reserve_kbytes": (0, ULONG_MAX),
    "vm.legacy_va_layout": (0, INT_MAX),
    "vm.max_map_count": (0, INT_MAX),
    "vm.mmap_min_addr": (0, ULONG_MAX),
    "vm.overcommit_kbytes": (0, ULONG_MAX),
    "vm.overcommit_memory": (0, 2),
    "vm.overcommit_ratio": (INT_MIN, INT_MAX),
    "vm.user_reserve_kbytes": (0, ULONG_MAX),
}
# values that live in the page allocator
IN_PAGES: dict[str, tuple[int, int]] = {
    "vm.min_free_kbytes": (0, INT_MAX),
    "vm.percpu_pagelist_high_fraction": (0, INT_MAX),
    "vm.watermark_boost_factor": (0, INT_MAX),
    "vm.watermark_scale_factor": (1, 3000),
}
TEXT = ("kernel.domainname", "kernel.hostname", "kernel.osrelease", "kernel.ostype", "kernel.version")
OTHER = ("vm.compact_memory", "vm.drop_caches", "vm.numa_zonelist_order", "vm.lowmem_reserve_ratio",
         "vm.stat_refresh", "kernel.pid_max", "kernel.ns_last_pid",
         "kernel.threads-max", "kernel.ngroups_max")  # fmt: skip
NAMES = tuple(sorted((*hugetlb.NAMES, *PLAIN, *IN_VM, *IN_PAGES, *TEXT, *OTHER, *VECTORS, *WORDS, *LIVE, *net.NAMES)))
OPTIONS |= {name: option for name in NAMES for start, option in table.OPTIONS.items() if name.startswith(start)}
WRITE_ONLY = ("vm.compact_memory", "vm.drop_caches", *net.WRITE_ONLY)
ROOT_ONLY = ("vm.mmap_rnd_bits", "vm.mmap_rnd_compat_bits", "vm.stat_refresh", "kernel.cad_pid",
             "kernel.usermodehelper.bset",
             "kernel.usermodehelper.inheritable", "kernel.apparmor_display_secid_mode",
             "kernel.unprivileged_userns_apparmor_policy", "net.ipv4.tcp_fastopen_key", *net.ROOT_ONLY)  # mode 0600
READ_ONLY = ("kernel.osrelease", "kernel.ostype", "kernel.version", "kernel.ngroups_max", *FIXED, *COUNTERS,
             *net.READ_ONLY)  # fmt: skip
MODES = {"kernel.ns_last_pid": 0o666, **dict.fromkeys(ROOT_ONLY, 0o600),
         **{f"kernel.{kind}_next_id": 0o444 for kind in ("msg", "sem", "shm")}}  # fmt: skip
_ULONG = ("vm.admin_reserve_kbytes", "vm.dirty_background_bytes", "vm.dirty_bytes", "vm.mmap_min_addr",
          "vm.overcommit_kbytes", "vm.user_reserve_kbytes")  # fmt: skip


def parse_numbers(text: str, most: int) -> list[int]:
    """Up to `most` numbers as the kernel reads them: decimal, 0x…, 0… (octal), a sign, separated by blanks. EINVAL if
    there is none or a character follows that belongs to no number."""
    numbers: list[int] = []
    rest = text.replace("\0", "\n").lstrip(" \t\n\r\v\f")
    while rest and len(numbers) < most:
        word = rest.split(None, 1)[0]
        negative = word.startswith("-")
        body = word[1:] if negative else word
        base = 16 if body[:2].lower() == "0x" else 8 if body[:1] == "0" and len(body) > 1 else 10
        digits = body[2:] if base == 16 else body
        allowed = {8: "01234567", 10: "0123456789", 16: "0123456789abcdef"}[base]
        if not digits or len(digits) > 21 or any(letter not in allowed for letter in digits.lower()):
            raise KernelError("EINVAL", f"{word!r} is not a number")
        value = int(digits, base)
        numbers.append(-value if negative else value)
        rest = rest[len(word) :].lstrip(" \t\n\r\v\f")
    if not numbers:
        raise KernelError("EINVAL", "there is no number")
    return numbers


class Sysctl:
    """The plain values; everything else is looked up where it lives. Names are like "vm.swappiness"."""

    def __init__(self, config: Config) -> None:
        self.values: dict[str, int] = {name: default for name, (default, _, _) in PLAIN.items()}
        if config.parameter("norandmaps") is not None:
            self.values["kernel.randomize_va_space"] = 0
        for name in ARCHES[config.arch].vdso_words:
            on = config.parameter(name)
            if on is not None:
                self.values["vm.vdso_enabled"] = int(on == "1")
        self.quiet_drops = False
        self.text: dict[str, str] = {
            "kernel.hostname": "localhost", "kernel.domainname": "(none)",
            **{name: text for name, (text, _) in WORDS.items()},
            **{name: "\t".join(map(str, numbers)) for name, (numbers, _, _) in VECTORS.items()},
            **net.NET, **net.scaled(ARCHES[config.arch]),
        }  # fmt: skip
        default, rest = self.text["kernel.printk"].split("\t", 1)
        self.text["kernel.printk"] = f"{console_loglevel(config, int(default))}\t{rest}"


def known(box: Box, name: str) -> bool:
    """Whether this kernel has the tunable."""
    return name in NAMES and (name not in OPTIONS or OPTIONS[name] in box.model.options)


def get(box: Box, name: str) -> str:
    """The value as /proc prints it, without the newline; ENOENT, EACCES (write-only)."""
    if not known(box, name):
        raise KernelError("ENOENT", f"no tunable {name}")
    if name in WRITE_ONLY:
        raise KernelError("EACCES", "this tunable can only be written")
    if name in PLAIN:
        return str(box.sysctl.values[name])
    if name in IN_VM:
        return str(getattr(box.vm, name[3:]))
    if name in hugetlb.NAMES:
        return hugetlb.get(box, name)
    if name in IN_PAGES:
        return str(getattr(box.pages, name[3:]))
    if name == "vm.numa_zonelist_order":
        return "Node"
    if name in box.sysctl.text:
        return box.sysctl.text[name]
    if name in net.LIVE:
        return net.live_value(box, name)
    return live_value(box, name) if name in LIVE else _get_other(box, name)


def _get_other(box: Box, name: str) -> str:
    if name == "vm.lowmem_reserve_ratio":
        return "\t".join(str(ratio) for ratio in box.pages.lowmem_reserve_ratio)
    if name == "vm.stat_refresh":  # each CPU folds its counters; here there is nothing to fold
        return ""
    if name == "kernel.pid_max":
        return str(box.pid_max)
    if name == "kernel.ns_last_pid":
        return str(box.last_pid)
    if name == "kernel.threads-max":
        return str(box.threads_max)
    return {"kernel.osrelease": UTS_RELEASE, "kernel.version": box.machine.image.uts_version, "kernel.ostype": "Linux",
            "kernel.ngroups_max": "65536"}[name]  # fmt: skip


def put(box: Box, name: str, text: str) -> None:
    """Write `text`; ENOENT, EACCES (read-only), EINVAL (no number, out of range). A refusal changes nothing.

    What is written anew counts as a change: the watermarks, for example, are computed again.
    """
    _put(box, name, text)
    box.changes += 1


def _put(box: Box, name: str, text: str) -> None:
    if not known(box, name):
        raise KernelError("ENOENT", f"no tunable {name}")
    if name in READ_ONLY:
        raise KernelError("EACCES", "this tunable can only be read")
    if name == "kernel.nmi_watchdog":
        raise KernelError("ENOTSUPP", "there is no counter that could raise the NMI")
    if name in VECTORS:
        _put_vector(box, name, text)
    elif name.startswith("net."):
        net.put(box, name, text, parse_numbers)
    elif name in LIVE:
        value = parse_numbers(text, 1)[0]
        _in_range(box, name, value, 0, ULONG_MAX)
        box.sysctl.text[name] = str(value)
    elif name in box.sysctl.text:
        word = text.split("\n", 1)[0][: WORDS[name][1] if name in WORDS else 64]
        if name in CHOICES and word not in CHOICES[name]:
            raise KernelError("EINVAL", f"{name} is one of {', '.join(CHOICES[name])}")
        box.sysctl.text[name] = word
    elif name == "vm.lowmem_reserve_ratio":
        _put_ratio(box, text)
    elif name == "vm.stat_refresh":
        return
    elif name == "vm.numa_zonelist_order":
        if text[:1] not in ("d", "D", "n", "N"):
            raise KernelError("EINVAL", "nodes are the only order")
    elif name in WRITE_ONLY:
        _put_action(box, name, text)
    elif name in hugetlb.NAMES:
        hugetlb.put(box, name, parse_numbers(text, 1)[0])
    else:
        _put_number(box, name, parse_numbers(text, 1)[0])


def _put_vector(box: Box, name: str, text: str) -> None:
    """Fewer numbers than there are set the first ones."""
    old = box.sysctl.text[name].split("\t")
    numbers = parse_numbers(text, len(old))
    for number in numbers:
        _in_range(box, name, number, *VECTORS[name][1:])
    box.sysctl.text[name] = "\t".join([*map(str, numbers), *old[len(numbers) :]])


def _in_range(box: Box, name: str, value: int, low: int, high: int) -> None:
    if name in _ULONG and value < 0:
        raise KernelError("EINVAL", f"{name} cannot be negative")
    high = min(high, (1 << box.arch.bits) - 1)
    if not low <= value <= high:
        raise KernelError("EINVAL", f"{name} must be from {low} to {high}")


def _put_number(box: Box, name: str, value: int) -> None:
    if name in PLAIN:
        low, high = box.arch.mmap_rnd_bits if name == "vm.mmap_rnd_bits" else PLAIN[name][1:]
        _in_range(box, name, value, low, high)
        before, box.sysctl.values[name] = box.sysctl.values[name], value
        partner = {"vm.dirty_bytes": "vm.dirty_ratio", "vm.dirty_ratio": "vm.dirty_bytes",
                   "vm.dirty_background_bytes": "vm.dirty_background_ratio",
                   "vm.dirty_background_ratio": "vm.dirty_background_bytes"}.get(name)  # fmt: skip
        if partner and (value != before or "background" in name):
            box.sysctl.values[partner] = 0
        for changed in box.hooks.get(name, []):
            changed()
    elif name in IN_VM:
        _in_range(box, name, value, *IN_VM[name])
        setattr(box.vm, name[3:], value)
        if name == "vm.overcommit_ratio":
            box.vm.overcommit_kbytes = 0
        elif name == "vm.overcommit_kbytes":
            box.vm.overcommit_ratio = 0
    elif name in IN_PAGES:
        _in_range(box, name, value, *IN_PAGES[name])
        _put_in_pages(box, name, value)
    elif name == "kernel.pid_max":
        _in_range(box, name, value, max(301, 8 * box.config.cpus), PID_MAX_LIMIT[box.arch.word])
        box.pid_max = value
    elif name == "kernel.ns_last_pid":
        _in_range(box, name, value, 0, box.pid_max)
        box.last_pid = value
    else:
        _in_range(box, name, value, 1, 0x3FFFFFFF)
        box.threads_max = value


def _put_in_pages(box: Box, name: str, value: int) -> None:
    pages = box.pages
    if name == "vm.percpu_pagelist_high_fraction":
        if value and value < 8:
            raise KernelError("EINVAL", "percpu_pagelist_high_fraction is 0 or at least 8")
        pages.percpu_pagelist_high_fraction = value
        pages.update_pcp_high()
        return
    setattr(pages, name[3:], value)
    if name != "vm.watermark_boost_factor":
        pages.setup_per_zone_wmarks()


def _put_ratio(box: Box, text: str) -> None:
    """Fewer numbers than zones set the first ones; what is below 1 means no reserve. Never a refusal: the handler does
    not look at what the parser says, and what comes after a word that is no number is left out."""
    pages = box.pages
    ratios = list(pages.lowmem_reserve_ratio)
    for at, word in enumerate(text.split()[: len(ratios)]):
        try:
            value = parse_numbers(word, 1)[0]
            _in_range(box, "vm.lowmem_reserve_ratio", value, INT_MIN, INT_MAX)
        except KernelError:
            break
        ratios[at] = value
    pages.lowmem_reserve_ratio = [ratio if ratio >= 1 else 0 for ratio in ratios]
    pages.setup_per_zone_lowmem_reserve()


def _put_action(box: Box, name: str, text: str) -> None:
    if name == "vm.compact_memory":  # its handler does not look at what is written
        for compact in box.hooks.get("compact_memory", []):
            compact()
        return
    value = parse_numbers(text, 1)[0]
    _in_range(box, name, value, 1, 4)
    if value & 1:
        for drop in box.hooks.get("drop_pagecache", []):
            drop()
        box.vmstat["drop_pagecache"] += 1
    if value & 2:
        for drop in box.hooks.get("drop_slab", []):
            drop()
        box.vmstat["drop_slab"] += 1
    if not box.sysctl.quiet_drops:
        box.log.printk(f"{box.current.comm} ({box.current.pid}): drop_caches: {value}")
    box.sysctl.quiet_drops |= bool(value & 4)
