"""Which files there are, and what they say to who may not: as the recorded kernels answered, asked file by file."""

from __future__ import annotations

from collections import Counter

import pytest

from memsh.linux.config import GIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.node import Directory

PROC = """
    acpi buddyinfo bus cmdline consoles cpuinfo crypto devices diskstats dma driver execdomains filesystems fs
    interrupts iomem ioports irq kallsyms kcore key-users keys kmsg kpagecount kpageflags loadavg locks meminfo misc
    mounts net pagetypeinfo partitions self slabinfo softirqs stat swaps sys sysrq-trigger sysvipc thread-self
    timer_list tty uptime version vmallocinfo vmstat zoneinfo
"""
ONLY_64 = "cgroups dynamic_debug kpagecgroup modules mtrr pressure schedstat"
TUNABLES = {  # find /proc/sys -type f | cut -d/ -f4 | sort | uniq -c
    "i386": {"debug": 1, "dev": 1, "fs": 31, "kernel": 91, "net": 312, "user": 10, "vm": 38},
    "x86_64": {"abi": 1, "debug": 1, "dev": 2, "fs": 43, "kernel": 124, "net": 308, "user": 12, "vm": 50},
}


@pytest.fixture(scope="module", params=["i386", "x86_64"])
def box(request: pytest.FixtureRequest) -> Box:
    return Box(Config(arch=request.param, ram=GIB))


def test_names_of_proc(box: Box) -> None:
    names = {name for name in tree.listdir(box, "/proc") if not name.isdecimal()}
    assert names == set(PROC.split()) | (set(ONLY_64.split()) if box.arch.numa else set())


def test_every_tunable_is_there(box: Box) -> None:
    counted = Counter(name.split(".")[0] for name in sysctl.NAMES if sysctl.known(box, name))
    assert sum(counted.values()) == {"i386": 484, "x86_64": 541}[box.config.arch]
    assert counted == TUNABLES[box.config.arch]
    for name in sysctl.NAMES:
        if sysctl.known(box, name) and name not in sysctl.WRITE_ONLY:
            sysctl.get(box, name)


def test_a_tunable_takes_back_what_it_shows(box: Box) -> None:
    again = Box(box.config)
    for name in sysctl.NAMES:
        if not sysctl.known(box, name) or name in (*sysctl.WRITE_ONLY, *sysctl.READ_ONLY):
            continue
        text = sysctl.get(again, name)
        try:
            sysctl.put(again, name, text + "\n")
        except KernelError as error:  # not even its own
            assert (name, error.code) in REFUSED, name
        else:
            assert sysctl.get(again, name) == text


REFUSED = {
    *((f"kernel.{kind}_next_id", "EINVAL") for kind in ("msg", "sem", "shm")), ("kernel.nmi_watchdog", "ENOTSUPP"),
    ("kernel.modules_disabled", "EINVAL"), ("kernel.kexec_load_disabled", "EINVAL"),
    ("kernel.max_rcu_stall_to_panic", "EINVAL"), ("vm.dirty_bytes", "EINVAL"), ("vm.dirty_background_bytes", "EINVAL"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("/proc/version", "x", "EIO"), ("/proc/meminfo", "1", "EIO"), ("/proc/kpagecount", "x", "EIO"),
        ("/proc/self/maps", "x", "EINVAL"), ("/proc/1/stat", "1", "EINVAL"), ("/proc/self/../version", "x", "EIO"),
        ("/proc/mounts", "x", "EINVAL"), ("/proc/sys/kernel/ostype", "x", "EACCES"),
        ("/proc/sys/fs/aio-nr", "3", "EACCES"), ("/sys/kernel/fscaps", "1", "EACCES"),
        ("/proc/irq/default_smp_affinity", "x", "EINVAL"), ("/proc/irq/4/smp_affinity", "2", "EOVERFLOW"),
        ("/proc/irq/4/smp_affinity", "1_1", "EINVAL"),
        ("/proc/irq/4/smp_affinity", "0" * 9, "EOVERFLOW"), ("/proc/irq/4/smp_affinity_list", "2-9", "ERANGE"),
        ("/proc/irq/4/smp_affinity_list", "\n", "EINVAL"), ("/proc/irq/0/smp_affinity", "1", "EIO"),
        ("/proc/2/comm", "x", "EINVAL"), ("/proc/sys/kernel/printk_devkmsg", "on", "EINVAL"),
        ("/proc/sys/dev/tty/ldisc_autoload", "-1", "EINVAL"), ("/proc/sys/kernel/cad_pid", "abc", "EINVAL"),
        ("/proc/sys/net/ipv4/tcp_congestion_control", "bbr", "ENOENT"), ("/proc/sys/net/core/somaxconn", "x", "EINVAL"),
    ],
)  # fmt: skip
def test_what_is_refused(box: Box, path: str, text: str, code: str) -> None:
    with pytest.raises(KernelError) as caught:
        tree.store(box, path, text)
    assert caught.value.code == code


def test_reading_what_can_only_be_written(box: Box) -> None:
    for path, code in (("/proc/sysrq-trigger", "EIO"), ("/proc/1/clear_refs", "EINVAL"),
                       ("/proc/sys/vm/drop_caches", "EACCES")):  # fmt: skip
        with pytest.raises(KernelError) as caught:
            tree.show(box, path)
        assert caught.value.code == code


def test_pieces_of_memory() -> None:
    box = Box(Config(arch="x86_64", ram=GIB))
    memory = "/sys/devices/system/memory"
    names = tree.listdir(box, memory)
    assert sorted(name for name in names if name.startswith("memory")) == [f"memory{at}" for at in range(8)]
    assert [tree.show(box, f"{memory}/memory{at}/valid_zones") for at in (0, 1, 7)] == ["none\n", "DMA32\n", "DMA32\n"]
    assert tree.show(box, f"{memory}/block_size_bytes") == "8000000\n"
    assert tree.show(box, f"{memory}/memory3/phys_index") == "00000003\n"
    with pytest.raises(KernelError, match="Invalid"):  # it is not of one zone
        tree.store(box, f"{memory}/memory0/state", "offline\n")
    large = Box(Config(arch="x86_64", ram=128 * GIB))
    assert tree.show(large, f"{memory}/block_size_bytes") == "40000000\n"
    assert not tree.exists(Box(Config()), memory + "/memory0")


MODES = {  # stat -c '%a %n', as the recorded kernels answered
    "/proc/acpi/wakeup": 0o644, "/proc/mtrr": 0o644, "/proc/sys/net/ipv4/tcp_ehash_entries": 0o444,
    "/proc/sys/net/ipv4/conf/lo/mc_forwarding": 0o444, "/proc/sys/net/core/bpf_jit_limit": 0o600,
    "/proc/sys/vm/mmap_rnd_compat_bits": 0o600,
}  # fmt: skip
LINKS = {"/proc/sys": 1, "/proc/sys/vm": 1, "/proc/sys/fs/binfmt_misc": 2, "/proc/fs": 5, "/proc/1/attr": 2}


def test_modes_and_links(box: Box) -> None:
    for path, mode in MODES.items():
        assert not tree.exists(box, path) or tree.mode(box, path) == mode, path
    for path, links in LINKS.items():
        node = tree.lookup(box, path) if tree.exists(box, path) else None
        assert node is None or (isinstance(node, Directory) and node.nlink(box) == links), path


def test_an_interrupt_that_is_handled_is_not_counted_as_spurious(box: Box) -> None:
    assert tree.show(box, "/proc/irq/0/spurious") == "count 0\nunhandled 0\nlast_unhandled 0 ms\n"
