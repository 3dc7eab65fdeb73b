"""mkswap, swapon, swapoff as util-linux prints them."""

from __future__ import annotations

import pytest

from memsh.commands.swaps import human_size
from memsh.inspect.check import check
from tests.commands.typed import Typed

HEADER = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


@pytest.fixture
def said() -> Typed:
    return Typed("--ram", "64M")


def test_the_spare_disk_as_recorded(said: Typed) -> None:
    buffers = said.session.box.fs.nr_blockdev_pages
    assert said("swapon /dev/vda") == "swapon: /dev/vda: read swap header failed\n"
    assert said.session.last_status == 1
    first, second = said("mkswap /dev/vda").splitlines()
    assert first == "Setting up swapspace version 1, size = 256 MiB (268431360 bytes)"
    assert second.startswith("no label, UUID=")
    assert said("swapon /dev/vda") == ""
    assert said("cat /proc/swaps") == HEADER + "/dev/vda                                partition\t262140\t\t0\t\t-2\n"
    assert said("swapon -s") == said("cat /proc/swaps")
    assert said("dmesg | tail -1").endswith(
        "Adding 262140k swap on /dev/vda.  Priority:-2 extents:1 across:262140k \n"
    )
    assert said.session.box.fs.nr_blockdev_pages == buffers + 1
    assert said("swapon") == (
        "NAME     TYPE      SIZE USED PRIO\n"
        "/dev/vda partition 256M   0B   -2\n"
    )  # fmt: skip
    assert said("swapon --show=NAME,PRIO --noheadings") == "/dev/vda   -2\n"
    assert said("swapon /dev/vda") == "swapon: /dev/vda: swapon failed: Device or resource busy\n"
    assert said("mkswap /dev/vda") == "mkswap: error: /dev/vda is mounted; will not make swapspace\n"
    assert "__ia32_sys_swapon+0x7b3/0x1020 pages=16 vmalloc" in said("grep swapon /proc/vmallocinfo")
    assert said("swapoff /dev/vda") == ""
    assert said("swapoff /dev/vda") == "swapoff: /dev/vda: swapoff failed: Invalid argument\n"
    assert said("swapon") == ""
    assert said("mkswap -L spare /dev/vda").startswith("mkswap: /dev/vda: warning: wiping old swap signature.\n")
    assert check(said.session.box) == []


def test_files_and_priorities(said: Typed) -> None:
    said("mkswap /dev/vda; mkfile /a 1M; mkfile /b 1M; mkswap /a; mkswap /b; swapon /dev/vda")
    assert said("swapon -p 7 /a") == "swapon: /a: insecure permissions 0644, 0600 suggested.\n"
    said("swapon /b")
    assert said("cat /proc/swaps") == (
        HEADER
        + "/dev/vda                                partition\t262140\t\t0\t\t-2\n"
        + "/a                                      file\t\t1020\t\t0\t\t7\n"
        + "/b                                      file\t\t1020\t\t0\t\t-3\n"
    )
    said("swapoff /dev/vda")
    assert said("swapon --show=NAME,PRIO --raw --noheadings") == "/a 7\n/b -2\n"
    assert said("rm /a") == "rm: cannot remove '/a': Operation not permitted\n"
    assert said("swapoff -a; cat /proc/swaps") == HEADER
    assert check(said.session.box) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mkswap /nope", "mkswap: cannot open /nope: No such file or directory\n"),
        ("mkswap /dev/vdb", "mkswap: error: /dev/vdb is mounted; will not make swapspace\n"),
        ("mkfile /s 36k; mkswap /s", "mkswap: error: swap area needs to be at least 40 KiB\n"),
        ("swapon /nope", "swapon: cannot open /nope: No such file or directory\n"),
        ("swapon -e /nope", ""),
        ("swapoff /nope", "swapoff: /nope: swapoff failed: No such file or directory\n"),
        ("swapoff /etc/passwd", "swapoff: /etc/passwd: swapoff failed: Invalid argument\n"),
        ("swapon /etc", "swapon: /etc: read swap header failed\n"),
    ],
)
def test_what_is_no_swap_area(said: Typed, line: str, words: str) -> None:
    assert said(line) == words
    assert check(said.session.box) == []


def test_a_box_may_start_with_swap() -> None:
    said = Typed("--ram", "64M", "--swap", "100M")
    assert said("free -m | tail -1").split() == ["Swap:", "99", "0", "99"]
    assert "Adding 102396k swap on /dev/vda." in said("dmesg")


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0B"), (1023, "1023B"), (1536, "1.5K"), (10481664, "10M"), (268431360, "256M"), (3 << 30, "3G")],
)
def test_sizes_for_people(size: int, words: str) -> None:
    assert human_size(size) == words


def test_swapoff_that_does_not_fit_kills_nobody() -> None:
    said = Typed("--ram", "64M", "--swap", "64M")
    said('p=$(mmap 90M rw); touch $p 90M; poke $p "first"; poke $p+94371830 "last"')
    assert said("swapoff /dev/vda") == "swapoff: /dev/vda: swapoff failed: Cannot allocate memory\n"
    assert said("grep oom_kill /proc/vmstat") == "oom_kill 0\n"
    assert check(said.session.box) == []
    assert "first" in said("hexdump $p 8") and "last" in said("hexdump $p+94371830 8")
    assert said("swapon --show=NAME --noheadings").strip() == "/dev/vda"


def test_a_file_that_is_swapped_to_keeps_its_name_and_its_bytes(said: Typed) -> None:
    for line in ("mkfile /s 4M", "mkswap /s", "swapon /s"):
        said(line)
    for line in ("mv /s /t", "rm /s", "mkfile /t 1M; mv /t /s"):
        assert said(line).endswith("Operation not permitted\n"), line
    assert "Text file busy" in said("echo x > /s")
    assert said("swapoff -a") == "" and said("mv /s /u") == ""
    assert check(said.session.box) == []


def test_the_peak_of_the_resident_size_stays_when_a_file_is_cut(said: Typed) -> None:
    for line in ("mkfile /f 1M", "m=$(mmap 1M rw shared --file /f)", "write $m 1M"):
        said(line)
    peak = said("grep VmHWM /proc/self/status")
    said("rm -f /f; dd if=/dev/zero of=/g bs=1M count=1; echo 3 > /proc/sys/vm/drop_caches")
    assert int(said("grep VmHWM /proc/self/status").split()[1]) >= int(peak.split()[1])


def test_pagewalk_tells_a_page_that_is_swapped_out_from_one_that_never_was(said: Typed) -> None:
    said("mkswap /dev/vda; swapon /dev/vda; p=$(mmap 100M); touch $p 70M")
    slot = int(said("pagewalk $p | grep -o 'slot [0-9]*' | cut -d ' ' -f 2"))
    area = said.session.box.swap.info[0]
    assert area.swap_map[slot] and said("pagewalk $p").endswith(f" swapped out, to slot {slot} of /dev/vda\n")
    assert said("pagewalk $p+90M").endswith("a touch would fault\n")
    said("touch $p")
    assert "  frame 0x" in said("pagewalk $p")


def test_areas_by_label_and_mount_options() -> None:
    from tests.textutils.boxed import boxed

    boxed("mkswap -L pages /dev/vda")
    assert boxed("swapon -L nolabel")[1:] == ("swapon: cannot find the device for nolabel\n", 1)
    shown = boxed("swapon -L pages -o pri=7; swapon --show=NAME,PRIO --noheadings; swapoff /dev/vda")[0]
    assert shown.split() == ["/dev/vda", "7"]
    uuid = boxed("mkswap /dev/vda")[0].rpartition("UUID=")[2].strip()
    assert boxed(f"swapon -d -U {uuid}; swapoff -a")[1:] == ("", 0)
    assert boxed("swapon -o foo /dev/vda")[2] == 2


def test_swap_of_a_machine_with_groups_and_frontswap() -> None:
    """As a kernel of x86_64 said it, with what swapon took (swap_cgroup_swapon, frontswap's map), which swapoff gives
    back."""
    typed = Typed("--arch", "x86_64", "--swap", "256M")
    pages = "grep -c swap /proc/vmallocinfo; grep nr_free_pages /proc/vmstat"
    typed("swapoff /dev/vda; swapon /dev/vda; swapoff /dev/vda; drain_all_pages")
    before = typed(pages)
    typed("swapon /dev/vda")
    assert typed("dmesg | tail -1").endswith(
        "Adding 262140k swap on /dev/vda.  Priority:-2 extents:1 across:262140k FS\n"
    )
    areas = [line.split(maxsplit=1)[1] for line in typed("grep swap /proc/vmallocinfo").splitlines()]
    assert areas == [
        "8192 swap_cgroup_swapon+0x28/0x150 pages=1 vmalloc N0=1",
        "69632 __do_sys_swapon+0x8d7/0x1340 pages=16 vmalloc N0=16",
    ]
    assert typed("check").startswith("ok")
    typed("swapoff /dev/vda; drain_all_pages")
    assert typed(pages) == before
