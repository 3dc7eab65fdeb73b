"""What files of /sys make of what is written to them, as the recorded kernels do."""

from __future__ import annotations

import pytest

from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.machines.box import Box
from memsh.procfs import tree

PCI = "/sys/devices/pci0000:00/0000:00:01.0"
QUEUE, BDI = "devices/virtual/block/loop0/queue", "devices/virtual/bdi/1:0"
CASES = [  # (below /sys, written, shown then or why not)
    (f"{QUEUE}/nr_requests", "+1", "4"), (f"{QUEUE}/nr_requests", "129", "EINVAL"), (f"{QUEUE}/nomerges", "7", "1"),
    (f"{QUEUE}/rq_affinity", "9", "1"), (f"{QUEUE}/rotational", "4294967296", "EINVAL"),
    (f"{QUEUE}/read_ahead_kb", "10", "8"), (f"{BDI}/max_ratio", "0x10", "EINVAL"), (f"{BDI}/max_ratio", "+9", "9"),
    ("class/net/lo/queues/rx-0/rps_flow_cnt", "0x11", "32"), ("class/net/lo/queues/rx-0/rps_cpus", "1 2", "EOVERFLOW"),
    ("class/net/lo/queues/tx-0/byte_queue_limits/limit", "0x10", "EINVAL"), ("class/thermal/cooling_device0/cur_state",
    "4294967296", "EINVAL"), ("bus/workqueue/devices/writeback/max_active", "+1", "EINVAL"),
    ("kernel/debug/sched/latency_ns", "5", "5"), ("kernel/debug/sched/latency_ns", "99999999999", "1215752191"),
    ("kernel/debug/sched/verbose", "1x", "Y"), ("kernel/debug/sched/verbose", "nonsense", "N"),
    ("kernel/mm/swap/vma_ra_enabled", "nonsense", "false"), ("kernel/mm/swap/vma_ra_enabled", "x", "EINVAL"),
    ("bus/pci/drivers_autoprobe", "nonsense", "1"), ("bus/pci/drivers_autoprobe", "0", "0"),
    ("bus/pci/rescan", "", "EINVAL"), ("bus/pci/resource_alignment", "12@pci:8086", "12@pci:8086"),
    ("block/vda/queue/iosched/fifo_batch", "-1", "0"), ("block/vda/queue/iosched/writes_starved", "-1", "-1"),
    ("block/vda/events_poll_msecs", "-1", "ENODEV"), ("block/vda/events_poll_msecs", "x", "EINVAL"),
    ("block/ram0/queue/scheduler", "nonsense", "none"), ("class/net/lo/ifalias", "here", "here"),
    ("class/net/lo/carrier", "1", "EOPNOTSUPP"), ("class/net/lo/tx_queue_len", "99999999999", "ERANGE"),
    ("bus/workqueue/devices/writeback/max_active", "9999", "512"),
    ("bus/workqueue/devices/writeback/max_active", "-1", "EINVAL"),
    ("bus/workqueue/devices/writeback/nice", "-5x", "-5"), ("bus/workqueue/devices/writeback/nice", "20", "EINVAL"),
    ("devices/system/machinecheck/machinecheck0/bank0", "0x10", "10"), ("kernel/rcu_normal", "-1", "-1"),
    ("class/rtc/rtc0/max_user_freq", "99999999999999999999", "ERANGE"),
    ("class/rtc/rtc0/max_user_freq", "4096", "EINVAL"),
    ("kernel/debug/block/loop0/pm_only", "1", "EPERM"), ("devices/pnp0/00:04/resources", "x", "EBUSY"),
    ("module/tcp_cubic/parameters/beta", "-1", "-1"), ("module/zswap/parameters/max_pool_percent", "-1", "EINVAL"),
    ("block/vda/queue/nr_requests", "+1", "4"), ("block/vda/queue/nr_requests", "257", "EINVAL"),
    ("block/vda/queue/io_poll_delay", "010", "10"), ("block/vda/queue/io_poll_delay", "0x10", "EINVAL"),
    ("block/vda/queue/io_poll", "0", "EINVAL"), ("block/vda/queue/discard_max_bytes", "511", "EINVAL"),
    ("block/vda/queue/discard_max_bytes", "4294966784", "2147483136"), ("block/vda/queue/add_random", "-1", "EINVAL"),
    ("block/vda/queue/iosched/read_expire", "1", "4"), ("block/vda/queue/max_sectors_kb", "3", "EINVAL"),
    ("block/ram0/queue/max_sectors_kb", "127", "127"), ("block/ram0/queue/max_sectors_kb", "128", "EINVAL"),
    ("block/loop0/queue/max_sectors_kb", "1281", "EINVAL"), ("block/vdb/queue/max_sectors_kb", "2147483648", "EINVAL"),
    ("class/net/lo/queues/tx-0/byte_queue_limits/hold_time", "1", "4"),
    ("class/net/lo/queues/rx-0/rps_flow_cnt", "4294967296", "ENOMEM"),
    ("bus/pci/devices/0000:00:01.0/numa_node", "0", "0"), ("bus/pci/devices/0000:00:01.0/numa_node", "1", "EINVAL"),
    ("bus/pci/devices/0000:00:02.0/enable", "18446744073709551616", "EINVAL"),
    ("devices/platform/i8042/serio0/force_release", "1 2", "1-2"), ("devices/platform/i8042/serio0/extra", "1", "0"),
    ("devices/platform/i8042/serio0/force_release", "4294967296", "EOVERFLOW"),
    ("devices/system/cpu/cpu0/hotplug/target", "0", "EBUSY"), ("devices/system/cpu/cpu0/hotplug/fail", "-2", "EINVAL"),
    ("devices/system/cpu/cpu0/hotplug/fail", "4294967296", "ERANGE"),
    ("devices/system/cpu/cpu0/power/pm_qos_resume_latency_us", "010", "8"),
    ("kernel/reboot/cpu", "1", "ERANGE"), ("kernel/debug/sched/tunable_scaling", "010", "EINVAL"),
    ("kernel/debug/fault_around_bytes", " 1", "EINVAL"), ("kernel/kexec_crash_size", "18446744073709551616", "EINVAL"),
    ("power/image_size", "0x10", "0"), ("power/image_size", "-1", "EINVAL"), ("power/pm_async", "2", "EINVAL"),
    ("power/pm_trace", "-1", "1"), ("power/pm_freeze_timeout", "4294967296", "0"), ("power/resume_offset", "010", "8"),
    ("module/msr/parameters/allow_writes", " off ", "off"), ("module/msr/parameters/allow_writes", "x", "default"),
    ("module/vt/parameters/default_red", "1,2", "1,2,0,170,0,170,0,170,85,255,85,255,85,255,85,255"),
    ("module/vt/parameters/default_red", "256", "ERANGE"), ("module/kernel/parameters/panic", " 1", "EINVAL"),
    ("module/kernel/parameters/panic_print", "010", "8"), ("module/rcutree/parameters/jiffies_till_next_fqs", "0", "1"),
    ("module/sysrq/parameters/sysrq_downtime_ms", "-1", "-1"),
    ("module/zswap/parameters/zpool", "nonsense", "ENOENT"), ("module/vt/parameters/color", "99999999999", "ERANGE"),
]  # fmt: skip


@pytest.fixture(scope="module")
def fresh() -> Box:
    return Box(Config(arch="x86_64"))


@pytest.mark.parametrize(("path", "written", "after"), CASES)
def test_what_a_file_makes_of_it(fresh: Box, path: str, written: str, after: str) -> None:
    box, path = fresh.copy(), f"/sys/{path}"
    if after in ("EINVAL", "ENODEV", "EOPNOTSUPP", "ERANGE", "EPERM", "EBUSY", "ENOENT", "EOVERFLOW", "ENOMEM"):
        with pytest.raises(KernelError) as refused:
            tree.store(box, path, written + "\n")
        assert refused.value.code == after
        return
    tree.store(box, path, written + "\n")
    assert tree.show(box, path) == after + "\n"
    assert tree.show(box.copy(), path) == after + "\n"


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_every_disk_says_how_much_is_read_ahead(arch: str) -> None:
    """As much as its driver takes, and no more, is taken for a request (queue_max_sectors_store)."""
    box = Box(Config(arch=arch))
    for (major, minor), bdi in box.disk.bdi.items():
        queue = f"/sys/dev/block/{major}:{minor}/queue"
        assert tree.show(box, f"{queue}/max_hw_sectors_kb") == f"{bdi.max_hw_sectors_kb}\n"
        assert tree.show(box, f"{queue}/max_sectors_kb") == f"{min(bdi.max_hw_sectors_kb, 1280)}\n"
        tree.store(box, f"{queue}/read_ahead_kb", f"{4 * minor}\n")
        assert tree.show(box, f"/sys/class/bdi/{major}:{minor}/read_ahead_kb") == f"{4 * minor}\n"


def test_what_is_read_ahead_of_a_disk_is_one_figure(fresh: Box) -> None:
    """The queue's file and the bdi's; it says how much an open file reads ahead, from when it is opened on."""
    box = fresh.copy()
    tree.store(box, "/sys/block/vdb/queue/read_ahead_kb", "65\n")
    assert tree.show(box, "/sys/class/bdi/254:16/read_ahead_kb") == "64\n"
    assert tree.show(box, "/sys/class/bdi/254:0/read_ahead_kb") == "128\n"
    box.fs.mkfile("/much", 8 << 20)
    file = box.fs.open("/much")
    box.fs.read(file, 0, 4096)
    assert len(file.inode.mapping.pages) == 2  # get_init_ra_size() of 16 pages; 4 of the 32 that are the default
    tree.store(box, "/sys/class/bdi/254:16/read_ahead_kb", "0\n")
    box.fs.mkfile("/more", 8 << 20)
    file = box.fs.open("/more")
    box.fs.read(file, 0, 4096)
    box.fs.read(file, 4096, 4096)
    assert len(file.inode.mapping.pages) == 2


def test_locked_policy_stays_locked(fresh: Box) -> None:
    box = fresh.copy()
    tree.store(box, "/sys/module/apparmor/parameters/debug", "1\n")
    tree.store(box, "/sys/module/apparmor/parameters/lock_policy", "1\n")
    for name in ("debug", "lock_policy"):
        with pytest.raises(KernelError) as refused:
            tree.store(box, f"/sys/module/apparmor/parameters/{name}", "0\n")
        assert refused.value.code == "EPERM"


def test_a_driver_can_be_named_and_forgotten(fresh: Box) -> None:
    box, path = fresh.copy(), f"{PCI}/driver_override"
    assert tree.show(box, path) == "(null)\n"
    tree.store(box, path, "vfio-pci\n")
    assert tree.show(box, path) == "vfio-pci\n"
    tree.store(box, path, "\n")
    assert tree.show(box, path) == "(null)\n"


def test_what_can_only_be_written_takes_no_empty_word(fresh: Box) -> None:
    with pytest.raises(KernelError) as refused:
        tree.store(fresh, f"{PCI}/rescan", "\n")
    assert refused.value.code == "EINVAL"


def test_an_error_of_the_file_system_can_be_made_up() -> None:
    """The log and the files beside it tell of the first one and of the last."""
    box, folder = Box(Config()), "/sys/fs/ext4/vdb"
    tree.store(box, f"{folder}/trigger_fs_error", "\n")
    assert tree.show(box, f"{folder}/errors_count") == "0\n"
    tree.store(box, f"{folder}/trigger_fs_error", "one\n")
    first = tree.show(box, f"{folder}/first_error_time")
    box.timer.advance(5_000_000)
    tree.store(box, f"{folder}/trigger_fs_error", "two words\n")
    told = [record.text for record in box.log.records][-2:]
    assert told == [f"EXT4-fs error (device vdb): trigger_test_error:126: comm a.out: {words}"
                    for words in ("one", "two words")]  # fmt: skip
    assert tree.show(box, f"{folder}/errors_count") == "2\n"
    assert tree.show(box, f"{folder}/last_error_func") == "trigger_test_error\n"
    assert tree.show(box, f"{folder}/first_error_time") == first != tree.show(box, f"{folder}/last_error_time")
