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
    "4294967296", "0"), ("bus/workqueue/devices/writeback/max_active", "+1", "EINVAL"),
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
    ("module/zswap/parameters/zpool", "nonsense", "ENOENT"), ("module/vt/parameters/color", "99999999999", "ERANGE"),
]  # fmt: skip


@pytest.fixture(scope="module")
def fresh() -> Box:
    return Box(Config(arch="x86_64"))


@pytest.mark.parametrize(("path", "written", "after"), CASES)
def test_what_a_file_makes_of_it(fresh: Box, path: str, written: str, after: str) -> None:
    box, path = fresh.copy(), f"/sys/{path}"
    if after in ("EINVAL", "ENODEV", "EOPNOTSUPP", "ERANGE", "EPERM", "EBUSY", "ENOENT", "EOVERFLOW"):
        with pytest.raises(KernelError) as refused:
            tree.store(box, path, written + "\n")
        assert refused.value.code == after
        return
    tree.store(box, path, written + "\n")
    assert tree.show(box, path) == after + "\n"
    assert tree.show(box.copy(), path) == after + "\n"


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
