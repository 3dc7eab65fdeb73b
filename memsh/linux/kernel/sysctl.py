"""The tunables under /proc/sys/vm and /proc/sys/kernel: names, what they hold, what they set off.

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
from memsh.linux.kernel import sysctl_rules as rules
from memsh.linux.kernel import sysctl_table as table
from memsh.linux.kernel.cmdline import console_loglevel
from memsh.linux.kernel.sysctl_checks import CHECKS
from memsh.linux.kernel.sysctl_live import live_value
from memsh.linux.kernel.sysctl_table import COUNTERS, FIXED, LIVE, NUMBERS, VECTORS, WORDS
from memsh.linux.kernel.sysctl_words import STORES
from memsh.linux.mm.hugetlb import sysctl as hugetlb

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.config import Config

# plain values
PLAIN: dict[str, int] = {
    "vm.compact_unevictable_allowed": 1,
    "vm.compaction_proactiveness": 20,
    "vm.dirty_background_bytes": 0,
    "vm.dirty_background_ratio": 10,
    "vm.dirty_bytes": 0,
    "vm.dirty_expire_centisecs": 3000,
    "vm.dirty_ratio": 20,
    "vm.dirty_writeback_centisecs": 500,
    "vm.dirtytime_expire_seconds": 43200,
    "vm.extfrag_threshold": 500,
    "vm.highmem_is_dirtyable": 0,
    "vm.hugetlb_shm_group": 0,
    "vm.laptop_mode": 0,
    "vm.memory_failure_early_kill": 0,
    "vm.memory_failure_recovery": 1,
    "vm.min_slab_ratio": 5,
    "vm.min_unmapped_ratio": 1,
    "vm.mmap_rnd_bits": 8,
    "vm.mmap_rnd_compat_bits": 8,
    "vm.numa_stat": 1,
    "vm.oom_dump_tasks": 1,
    "vm.oom_kill_allocating_task": 0,
    "vm.page-cluster": 3,
    "vm.page_lock_unfairness": 5,
    "vm.panic_on_oom": 0,
    "vm.stat_interval": 1,
    "vm.swappiness": 60,
    "vm.unprivileged_userfaultfd": 0,
    "vm.vdso_enabled": 1,
    "abi.vsyscall32": 1,
    "vm.vfs_cache_pressure": 100,
    "vm.zone_reclaim_mode": 0,
    "kernel.kptr_restrict": 0,
    "kernel.numa_balancing": 0,
    "kernel.panic": 0,
    "kernel.randomize_va_space": 2,
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
IN_VM = ("vm.admin_reserve_kbytes", "vm.legacy_va_layout", "vm.max_map_count", "vm.mmap_min_addr",
         "vm.overcommit_kbytes", "vm.overcommit_memory", "vm.overcommit_ratio", "vm.user_reserve_kbytes")  # fmt: skip
# values that live in the page allocator
IN_PAGES = ("vm.min_free_kbytes", "vm.percpu_pagelist_high_fraction", "vm.watermark_boost_factor",
            "vm.watermark_scale_factor")  # fmt: skip
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
IGNORED = ("vm.stat_refresh", "net.ipv4.route.flush", "kernel.random.urandom_min_reseed_secs",
           "kernel.random.write_wakeup_threshold")  # fmt: skip
# names of one and the same number
HOLDERS = {"net.ipv4.ip_forward": "net.ipv4.conf.all.forwarding",
           "user.max_fanotify_groups": "fs.fanotify.max_user_groups",
           "user.max_fanotify_marks": "fs.fanotify.max_user_marks",
           "user.max_inotify_instances": "fs.inotify.max_user_instances",
           "user.max_inotify_watches": "fs.inotify.max_user_watches"}  # fmt: skip


class Sysctl:
    """The plain values; everything else is looked up where it lives. Names are like "vm.swappiness"."""

    def __init__(self, config: Config) -> None:
        self.values: dict[str, int] = dict(PLAIN)
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
            **{name: "\t".join(map(str, numbers)) for name, numbers in VECTORS.items()},
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
    name = HOLDERS.get(name, name)
    if name == "kernel.sysrq" and box.config.parameter("sysrq_always_enabled") is not None:
        return "1"
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
    """Write `text`; ENOENT, EACCES (read-only), EINVAL (no number, out of range) and what else a handler says.

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
    if name in IGNORED:
        return
    if name in STORES:
        box.sysctl.text[name] = STORES[name](box, text)
    elif name == "vm.compact_memory":  # its handler does not look at what is written
        for compact in box.hooks.get("compact_memory", []):
            compact()
    else:
        _put_numbers(box, HOLDERS.get(name, name), text)


def _put_numbers(box: Box, name: str, text: str) -> None:
    """What stood before a wrong number is kept, where the handler writes right into the values themselves."""
    old = [0] if name in WRITE_ONLY else [int(word) for word in get(box, name).split("\t")]
    new = list(old)
    check = CHECKS.get(name)
    try:
        rules.handler(box, name, get).write(text, new)
    except KernelError:
        if name == "vm.lowmem_reserve_ratio":  # its handler does not look at what the parser says
            _put_ratio(box, new)
            return
        if check is None and new != old:
            _store(box, name, new)
        raise
    _store(box, name, check(box, old, new) if check is not None else new)
    twin, times, over = rules.twin(box, name)
    if twin:
        box.sysctl.text[twin] = str(new[0] * times // over)


def _store(box: Box, name: str, values: list[int]) -> None:
    value = values[0]
    if name in PLAIN:
        _store_plain(box, name, value)
    elif name in IN_VM:
        setattr(box.vm, name[3:], value)
        if name == "vm.overcommit_ratio":
            box.vm.overcommit_kbytes = 0
        elif name == "vm.overcommit_kbytes":
            box.vm.overcommit_ratio = 0
    elif name in IN_PAGES:
        _store_in_pages(box, name, value)
    elif name in hugetlb.NAMES:
        hugetlb.put(box, name, value)
    elif name == "vm.drop_caches":
        _drop_caches(box, value)
    elif name == "vm.lowmem_reserve_ratio":
        _put_ratio(box, values)
    elif name == "kernel.pid_max":
        box.pid_max = value
    elif name == "kernel.ns_last_pid":
        box.last_pid = value
    elif name == "kernel.threads-max":
        box.threads_max = value
    else:
        box.sysctl.text[name] = "\t".join(map(str, values))


def _store_plain(box: Box, name: str, value: int) -> None:
    before, box.sysctl.values[name] = box.sysctl.values[name], value
    partner = {"vm.dirty_bytes": "vm.dirty_ratio", "vm.dirty_ratio": "vm.dirty_bytes",
               "vm.dirty_background_bytes": "vm.dirty_background_ratio",
               "vm.dirty_background_ratio": "vm.dirty_background_bytes"}.get(name)  # fmt: skip
    if partner and (value != before or "background" in name):
        box.sysctl.values[partner] = 0
    for changed in box.hooks.get(name, []):
        changed()


def _store_in_pages(box: Box, name: str, value: int) -> None:
    pages = box.pages
    if name == "vm.percpu_pagelist_high_fraction":
        pages.percpu_pagelist_high_fraction = value
        pages.update_pcp_high()
        return
    setattr(pages, name[3:], value)
    if name != "vm.watermark_boost_factor":
        pages.setup_per_zone_wmarks()


def _put_ratio(box: Box, ratios: list[int]) -> None:
    """What is below 1 means no reserve."""
    pages = box.pages
    pages.lowmem_reserve_ratio = [ratio if ratio >= 1 else 0 for ratio in ratios]
    pages.setup_per_zone_lowmem_reserve()


def _drop_caches(box: Box, value: int) -> None:
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
