"""What becomes of what is written to files of /sys that only keep it (drivers/base, block, net/core, lib/kstrtox.c):
each driver reads words and numbers in its own way, and refuses the others with its own error.

A line of TABLE has the names of files, a word of the path that they lie at (`-`: anywhere) and how they read:

    bool           yes or no, shown as it was before: 1, Y or true; loose: what is neither changes nothing
    int uint ulong ullong [LEAST MOST]   kstrto…(); what lies beyond is EINVAL, or, with clamp in front, drawn in
    cut KIND       the number is stored in 32 bits; flag KIND: whether it is 0
    scan LEAST MOST                      a number that more may follow; lscan: a long one, uscan: without a sign
    idec udec                            as int and uint, with base 10; queue: what is wrong is EINVAL
    jiffies KIND   milliseconds, as whole jiffies have them
    power                                the power of two that holds so many
    ids one merges affinity discard node cpu down  see there; never KIND: what that reads is EINVAL
    requests MOST  at least 4; list MOST: numbers below that; choose WORD … LAST: one of them, or else the last
    hex            64 bits; mask: of the box's CPUs, some: at least one
    same KIND      as it is, and no other; words: kept as they are, raw: to the last newline; none: or `(null)`
    first          0 or not; count KIND: one more or less; any: nothing happens; zero: it is 0 then
    ERRNO [KIND]   refused; with a KIND only where that reads it, but EINVAL KIND: whatever that says of it is EINVAL

**Known deviations:** it is kept, and changes nothing else. Ports and registers of PCI's devices, the clock's memory and
its alarm, the flags of `lo`, the kernel's profile, and the disk to resume from are not to be written (EINVAL).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.linux.include.errno import STRERROR, KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.bitmap import bitmap_parselist, bits
from memsh.linux.lib.kstrtox import (
    kstrtobool,
    kstrtoint,
    kstrtoint_decimal,
    kstrtoll_decimal,
    kstrtouint,
    kstrtoull,
    kstrtoull_decimal,
)
from memsh.procfs.node import ProcFile
from memsh.procfs.sys_ext4 import COUNTS, trigger_test_error
from memsh.procfs.sys_readahead import ACTING, acting, queue_var_store

if TYPE_CHECKING:
    from memsh.linux.box import Box

TABLE = """
drivers_autoprobe            bus                 first
new_id                       drivers/8250_pericom  ids
new_id                       drivers/iosf_mbi_pci  ids
new_id                       drivers/pcieport    ids
new_id remove_id             bus                 EINVAL
driver_override              devices             none
resource_alignment           bus                 words
inhibited                    input               bool
brightness                   input               clamp ulong 0 1
max_user_freq                rtc                 ulong 1 4095
inode_readahead_blks         ext4                same ulong
rps_flow_cnt                 net                 power ulong
perf_event_mux_interval_ms   devices             int 1 2147483647
config                       pci0000:00          any
numa_node                    pci0000:00          EINVAL node
broken_parity_status d3cold_allowed msi_bus  pci0000:00  EINVAL flag ulong
enable                       0000:00:02.0        EBUSY EINVAL ulong
enable                       0000:00:03.0        EBUSY EINVAL ulong
enable                       pci0000:00          EINVAL count ulong
rescan remove                -                   EINVAL
resource0_wc resource4_wc    -                   EIO
events_poll_msecs            block               ENODEV scan -1 9223372036854775807
io_poll                      /queue/             EINVAL
io_poll_delay                virtual/block       EINVAL
io_poll_delay                vd                  idec -1 2147483647
discard_max_bytes            vd                  discard
async_depth                  iosched             clamp int 1 2147483647
fifo_batch                   iosched             clamp int 0 2147483647
read_expire write_expire prio_aging_expire  iosched  jiffies clamp int 0 2147483647
front_merges                 iosched             clamp int 0 1
writes_starved               iosched             int
scheduler                    ram                 any
eject                        -                   one
drvctl                       -                   EINVAL
scroll softraw softrepeat    serio               uint 0 1
extra                        serio               any uint 0 1
set                          serio               same uint
force_release                serio               list 512
console                      serial8250          ENOENT bool
console                      pnp0                bool
resources                    00:02               any
resources                    pnp0                EBUSY
rx_trig_bytes                pnp0                uint 1 14
unbind_device unbind_clocksource  system         ENODEV
current_clocksource          system              any
online                       container           bool
bank0 bank1 bank2 bank3 bank4 bank5 bank6 bank7 bank8 bank9  machinecheck  hex
check_interval               machinecheck        cut ullong
cmci_disabled ignore_ce      machinecheck        flag ullong
dont_log_ce print_all        machinecheck        bool
monarch_timeout              machinecheck        EINVAL int
fail                         hotplug             same int
target                       cpu0/hotplug        down
target                       hotplug             same int
max_ratio min_ratio          bdi                 udec 0 100
pm_async sync_on_suspend pm_print_times pm_debug_messages  power  EINVAL uldec 0 1
pm_freeze_timeout            power               EINVAL cut uldec
pm_trace                     power               flag scan
image_size reserved_size     power               uscan
resume_offset                power               ullong
pm_qos_resume_latency_us     cpu                 EINVAL int 0 2147483646
rng_quality                  hw_random           ENODEV EINVAL uint 0 65535
rng_current                  hw_random           any
carrier                      net                 EOPNOTSUPP
proto_down threaded          net                 EOPNOTSUPP ulong
mtu napi_defer_hard_irqs netdev_group  net       cut ulong
gro_flush_timeout            net                 ulong
tx_queue_len                 net                 uint
ifalias                      net                 words
rps_cpus xps_rxqs            net                 mask
xps_cpus                     net                 ENOENT
tx_maxrate                   net                 EOPNOTSUPP
limit limit_max limit_min    net                 udec
hold_time                    net                 jiffies udec
cur_state                    thermal             same lscan
add_random iostats rotational stable_writes  /queue/  flag queue
nomerges                     /queue/             merges
nr_requests                  virtual/block/loop  requests 128
nr_requests                  vd                  requests 256
wbt_lat_usec                 /queue/             never lldec
rq_affinity                  /queue/             affinity
bind                         vtconsole           any
cpumask                      virtual/workqueue/cpumask  some mask
cpumask                      workqueue           mask
max_active                   workqueue           clamp scan 1 512
nice                         workqueue           scan -20 19
numa                         workqueue           flag scan
force_remove                 acpi                no
sci                          interrupts          any
err_ratelimit_burst err_ratelimit_interval_ms msg_ratelimit_burst msg_ratelimit_interval_ms  ext4  cut ulong
warning_ratelimit_burst warning_ratelimit_interval_ms mb_stats mb_stream_req mb_prefetch  ext4  cut ulong
mb_prefetch_limit mb_max_to_scan mb_min_to_scan mb_max_linear_groups mb_order2_req  ext4  cut ulong
mb_group_prealloc mb_max_inode_prealloc extent_max_zeroout_kb inode_goal  ext4  cut ulong
last_trim_minblks            ext4                ulong
pm_only                      debug/block         EPERM
run                          hctx                zero
clear_warn_once              debug               any ullong
nmi_longest_ns               debug               ullong
latency_ns min_granularity_ns idle_min_granularity_ns wakeup_granularity_ns  debug/sched  cut ullong
latency_warn_ms latency_warn_once migration_cost_ns nr_migrate  debug/sched  cut ullong
hot_threshold_ms scan_delay_ms scan_period_max_ms scan_period_min_ms scan_size_mb  debug/sched  cut ullong
verbose                      debug/sched         loose bool
tunable_scaling              debug/sched         EINVAL udec 0 2
busy_factor cache_nice_tries imbalance_pct  sched/domains  cut ullong
max_interval max_newidle_lb_cost min_interval  sched/domains  ullong
demotion_enabled vma_ra_enabled  mm              bool
rcu_expedited rcu_normal     kernel              EINVAL int
cpu                          reboot              cpu
force                        reboot              bool
path                         firmware_class      raw
allow_writes                 msr                 choose on off default
policy                       pcie_aspm           EPERM
compressor zpool             zswap               ENOENT
"""
Reader = Callable[["Box", str, str], str]  # (box, shown before, written) -> shown from now on
BLKDEV_MIN_RQ = 4
_STYLES = (("1", "0"), ("Y", "N"), ("true", "false"))
_READERS: dict[str, Callable[[str], int]] = {
    "int": kstrtoint, "uint": kstrtouint, "ullong": kstrtoull, "idec": kstrtoint_decimal, "lldec": kstrtoll_decimal,
    "udec": partial(kstrtoull_decimal, bits=32), "queue": queue_var_store,
}  # fmt: skip
_SCANS = ("scan", "lscan", "uscan")
_NUMBERS = frozenset(("clamp", "ulong", "uldec", *_SCANS, *_READERS))
SECTOR, DISCARD_MOST = 512, 2147483136


def _plain(word: str, box: Box, text: str) -> int:
    """One number; EINVAL, ERANGE."""
    if word in _SCANS:  # what so many bits keep of it
        found = re.match(r"\s*(\d+)" if word == "uscan" else r"\s*(-?\d+)", text, re.ASCII)
        if found is None:
            raise KernelError("EINVAL", "no number")
        bits = 32 if word == "scan" else box.arch.bits
        least = 0 if word == "uscan" else 1 << bits - 1
        return (int(found[1][:4000]) + least & (1 << bits) - 1) - least
    if word == "uldec":
        return kstrtoull_decimal(text, box.arch.bits)
    if word == "ulong":
        return kstrtoull(text, box.arch.bits)
    return _READERS[word](text)


def _number(how: list[str], clamp: bool, box: Box, before: str, text: str) -> str:
    word, *bounds = how
    number = _plain(word, box, text)
    if bounds:
        least, most = map(int, bounds)
        if not least <= number <= most:
            if not clamp or (word == "scan" and number < least):
                raise KernelError("EINVAL", f"from {least} to {most}")
            number = min(max(number, least), most)
    return str(number)


def _bool(box: Box, before: str, text: str) -> str:
    style = next((pair for pair in _STYLES if before in pair), _STYLES[0])
    return style[0 if kstrtobool(text) else 1]


def _loose(box: Box, before: str, text: str) -> str:
    try:
        return _bool(box, before, text)
    except KernelError:
        return before


def _no(box: Box, before: str, text: str) -> str:
    if kstrtobool(text):
        raise KernelError("EINVAL")
    return before


def _mask(box: Box, before: str, text: str) -> str:
    digits = "".join(part.zfill(8) for part in re.split(r"[,\s]+", text.strip()))
    if digits.strip("0") and re.fullmatch("[0-9a-fA-F]+", digits) is None:
        raise KernelError("EINVAL", "a mask is hexadecimal")
    number = int(digits or "0", 16)
    if number >> box.config.present:
        raise KernelError("EOVERFLOW", "of CPUs that there are not")
    return f"{number:x}"


def _ids(box: Box, before: str, text: str) -> str:
    """A vendor and a device at least."""
    if re.match(r"\s*[0-9a-fA-Fx]+\s+[0-9a-fA-Fx]+", text) is None:
        raise KernelError("EINVAL", "a vendor and a device")
    return before


def _never(kind: str, box: Box, before: str, text: str) -> str:
    _plain(kind, box, text)
    raise KernelError("EINVAL")


def _one(box: Box, before: str, text: str) -> str:
    raise KernelError("ENODEV" if text.startswith("1") else "EINVAL")


def _power(box: Box, before: str, text: str) -> str:
    number = _plain("ulong", box, text)
    if number > (UINT_MAX + 1 if box.arch.word == 8 else UINT_MAX // 8):
        raise KernelError("EINVAL", "too many")
    if number > UINT_MAX // 8:
        raise KernelError("ENOMEM")  # more than can be mapped
    return str(1 << (number - 1).bit_length() if number else 0)


def _merges(box: Box, before: str, text: str) -> str:
    number = _plain("queue", box, text)
    return str(number if number in (0, 2) else 1)


def _requests(most: int, box: Box, before: str, text: str) -> str:
    """At least BLKDEV_MIN_RQ, no more than the disk's driver takes."""
    number = max(_plain("queue", box, text), BLKDEV_MIN_RQ)
    if number > most:
        raise KernelError("EINVAL", "more than there are")
    return str(number)


def _discard(box: Box, before: str, text: str) -> str:
    """Whole sectors, no more than the disk's driver takes."""
    number = _plain("queue", box, text)
    if number % SECTOR:
        raise KernelError("EINVAL", "whole sectors")
    return str(min(number, DISCARD_MOST))


def _jiffies(how: list[str], box: Box, before: str, text: str) -> str:
    tick = 1000 // box.arch.hz
    number = -(-int(_reader(how)(box, before, text)) // tick) * tick
    return str((number + (1 << 31) & UINT_MAX) - (1 << 31))


def _node(box: Box, before: str, text: str) -> str:
    """numa_node_store(): a node that there is, or none."""
    number = kstrtoint(text)
    if number != -1 and number not in (node.nid for node in box.pages.nodes):
        raise KernelError("EINVAL", "no such node")
    return str(number)


def _cpu(box: Box, before: str, text: str) -> str:
    number = kstrtouint(text)
    if number >= box.config.present:
        raise KernelError("ERANGE", "no such CPU")
    return str(number)


def _down(box: Box, before: str, text: str) -> str:
    """write_cpuhp_target(): the last CPU stays."""
    raise KernelError("EINVAL" if kstrtoint(text) else "EBUSY")


def _list(most: int, box: Box, before: str, text: str) -> str:
    return cpulist_text(bits(bitmap_parselist(text, most)))


def _choose(words: list[str], box: Box, before: str, text: str) -> str:
    return text.strip() if text.strip() in words else words[-1]


def _affinity(box: Box, before: str, text: str) -> str:
    number = _plain("queue", box, text)
    return str(number) if number <= 2 else before


def _count(box: Box, before: str, text: str) -> str:
    on = _plain("ulong", box, text)
    if not on and before == "0":
        raise KernelError("EIO")
    return str(int(before) + (1 if on else -1))


def _refuse(code: str, how: list[str], box: Box, before: str, text: str) -> str:
    if code == "EINVAL" and how:
        try:
            return _reader(how)(box, before, text)
        except KernelError:
            raise KernelError(code) from None
    if how and _reader(how)(box, before, text) == before and how == ["bool"]:
        return before
    raise KernelError(code)


def _same(how: list[str], box: Box, before: str, text: str) -> str:
    if _reader(how)(box, before, text) != before:
        raise KernelError("EINVAL", f"{before} is all that it can be")
    return before


def _some(box: Box, before: str, text: str) -> str:
    if not int(found := _mask(box, before, text), 16):
        raise KernelError("EINVAL", "no CPU")
    return found


def _reader(how: list[str]) -> Reader:
    """What a row's last words say."""
    word, rest = how[0], how[1:]
    if word in STRERROR:
        return partial(_refuse, word, rest)
    if word == "never":
        return partial(_never, rest[0])
    if word == "any":
        return (lambda box, before, text: _number(rest, False, box, before, text) and before) if rest else (
            lambda box, before, text: before)  # fmt: skip
    if word == "same":
        return partial(_same, rest)
    if word == "cut":
        return lambda box, before, text: str(_plain(rest[0], box, text) & UINT_MAX)
    if word == "flag":
        return lambda box, before, text: str(int(_plain(rest[0], box, text) != 0))
    if word == "jiffies":
        return partial(_jiffies, rest)
    if word in ("requests", "list"):
        return partial(_requests if word == "requests" else _list, int(rest[0]))
    if word == "choose":
        return partial(_choose, rest)
    if word in _NUMBERS:
        clamp = word == "clamp"
        return partial(_number, rest if clamp else how, clamp)
    return {
        "discard": _discard, "node": _node, "cpu": _cpu, "down": _down,
        "bool": _bool, "some": _some, "loose": _loose, "no": _no, "mask": _mask, "count": _count,
        "hex": lambda box, before, text: f"{kstrtoull(text):x}",
        "ids": _ids, "one": _one, "power": _power, "merges": _merges, "affinity": _affinity,
        "raw": lambda box, before, text: text,
        "words": lambda box, before, text: text.removesuffix("\n"),
        "none": lambda box, before, text: text.removesuffix("\n") or "(null)",
        "first": lambda box, before, text: "0" if text.startswith("0") else "1",
        "zero": lambda box, before, text: "0",
    }[word]  # fmt: skip


@cache
def _rows() -> dict[str, list[tuple[str, Reader]]]:
    found: dict[str, list[tuple[str, Reader]]] = {}
    for line in TABLE.strip().splitlines():
        names, place, how = re.split(r"  +", line) if line.count("  ") else (line, "-", "any")
        for name in names.split():
            found.setdefault(name, []).append(("" if place == "-" else place, _reader(how.split())))
    return found


def _shown(path: str, show: Callable[[Box], str], box: Box) -> str:
    kept = box.sysctl.text.get(f"sys.{path}")
    return show(box) if kept is None else kept + "\n" if kept else ""


def _store(path: str, file: ProcFile, reader: Reader, box: Box, text: str) -> None:
    before = ""
    if file.show is not None and file.mode & 0o444:
        try:
            before = _shown(path, file.show, box).removesuffix("\n")
        except KernelError:
            before = ""  # whatever is written is read without it
    after = reader(box, before, text)
    if after != before:
        box.sysctl.text[f"sys.{path}"] = after


def keeping_file(path: str, file: ProcFile) -> ProcFile:
    """The file at a path below /sys as it is, or one that keeps what it is told."""
    folder, _, name = path.rpartition("/")
    if name == "trigger_fs_error":
        return file._replace(store=partial(trigger_test_error, folder))
    if name in COUNTS and file.show is not None:
        return file._replace(show=partial(_shown, path, file.show))
    if not file.mode & 0o222:
        return file
    if name in ACTING:
        return acting(path, file)
    for place, reader in _rows().get(name, ()):
        if place in path:
            show = partial(_shown, path, file.show) if file.show is not None else None
            file = file._replace(show=show, store=partial(_store, path, file, reader))
            break
    return file
