"""/dev: the names that the recorded machines have there, and what their devices do when they are read and written."""

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed


@pytest.mark.parametrize(
    ("machine", "numbers"),
    [
        # asked of both kernels with `ls -i`: the order in which the drivers made them; the box's disks come between
        (("--arch", "i386"),
         "2 vga_arbiter 3 mem 4 null 9 urandom 10 kmsg 13 tty0 16 vcsa 19 vcsa1 82 tty63 83 hwrng 84 cpu 88 autofs "
         "89 ptmx 90 ttyS0 94 ram0 110 loop-control 118 loop7 119 vda 120 vdb 121 input 123 rtc0 124 cpu_dma_latency"),
        (("--arch", "x86_64", "--cpus", "2"),
         "2 vga_arbiter 8 random 19 vcsa1 82 tty63 84 cpu 91 snapshot 92 userfaultfd 93 ptmx 97 ttyS3 98 hpet 99 ram0 "
         "115 loop-control 123 loop7 124 vda 125 vdb 126 rtc0 127 cpu_dma_latency"),
    ],
)  # fmt: skip
def test_names_stand_in_the_order_in_which_drivers_made_them(machine: tuple[str, ...], numbers: str) -> None:
    typed = Typed(*machine, "--ram", "256M")
    found = typed("ls -i /dev").split()
    pairs = set(zip(found[::2], found[1::2], strict=True))
    wanted = numbers.split()
    assert set(zip(wanted[::2], wanted[1::2], strict=True)) <= pairs


def test_a_look_at_them_takes_no_objects_that_boot_has_not_taken() -> None:
    typed = Typed("--ram", "64M")
    before = typed("grep -E '^(dentry|shmem_inode)' /proc/slabinfo")
    typed("ls -l /dev; ls -R /dev/cpu /dev/input; head -c 1 /dev/full")
    assert typed("grep -E '^(dentry|shmem_inode)' /proc/slabinfo") == before


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("stat -c '%F %t,%T %a %s' /dev/null /dev/vda /dev/full",
         "character special file 1,3 666 0\nblock special file fe,0 660 0\ncharacter special file 1,7 666 0\n"),
        ("echo x > /dev/full", "echo: write error: No space left on device\n"),
        ("head -c 3 /dev/full | xxd -p", "000000\n"),
        ("head -c 100 /dev/urandom | wc -c", "100\n"),
        ("[ $(od -An -N8 -tx8 /dev/urandom) != $(od -An -N8 -tx8 /dev/random) ] && echo differ", "differ\n"),
        ("echo x > /dev/tty", "memsh: /dev/tty: No such device or address\n"),
        ("cat /dev/ptmx", "cat: /dev/ptmx: No such device or address\n"),
        ("dd if=/dev/mem bs=4096 count=1 skip=512",
         "dd: error reading '/dev/mem': Operation not permitted\n0+0 records in\n0+0 records out\n"
         "0 bytes copied, 0 s, Infinity B/s\n"),
        ("dd if=/dev/mem bs=4096 count=1 skip=1048000 status=none", "dd: error reading '/dev/mem': Bad address\n"),
        ("head -c 2 /dev/mem | xxd -p", "0000\n"),
        ("echo x > /dev/console", "x\n"),
        ("rmdir /dev; umount /dev", "rmdir: failed to remove '/dev': Device or resource busy\n"
                                    "umount: /dev: target is busy.\n"),
        ("mkdir /dev/own; echo 1 > /dev/own/a; cat /dev/own/a; stat -c %s /dev/own; rm -r /dev/own", "1\n60\n"),
        ("mmap 8k --file /dev/null", "minflt 0 majflt 0\nmmap: No such device\n"),
        ("a=$(mmap 8k rw shared --file /dev/zero); touch $a; grep -c 'dev/zero (deleted)' /proc/self/maps",
         "minflt 1 majflt 0\n1\n"),
        ("a=$(mmap 8k --file /dev/zero); touch $a; read $a 4", "minflt 1 majflt 0\nminflt 0 majflt 0\n"),
        ("truncate -s 0 /dev/null", "truncate: failed to truncate '/dev/null' at 0 bytes: Invalid argument\n"),
        ("df --output=target /dev", "Mounted on\n/dev\n"),
    ],
)  # fmt: skip
def test_devices_answer_as_linuxs_do(line: str, told: str) -> None:
    typed = Typed("--ram", "64M")
    assert typed(line) == told
    assert check(typed.session.box) == []


def test_programs_write_into_the_kernel_log() -> None:
    """`<N>` is level N & 7 of facility N >> 3, a program's own where it names the kernel's."""
    typed = Typed("--ram", "64M")
    typed("echo hello > /dev/kmsg; echo '<3>bad' > /dev/kmsg; printf '<29>one\\ntwo' > /dev/kmsg")
    shown = [line.split("] ") for line in typed("dmesg -x | tail -4").splitlines()[:3]]
    assert [who[:16] + text for who, text in shown] == [
        "user  :warn   : hello", "user  :err    : bad", "daemon:notice : one",
    ]  # fmt: skip
    last = typed("tail -3 /dev/kmsg").splitlines()
    assert [line.split(",")[0] + line.split(";")[1] for line in last] == ["12hello", "11bad", "29one\\x0atwo"]
    assert "hello" not in typed("dmesg -k") and typed("dmesg -u | wc -l") == "4\n"
    assert typed(f"echo {'x' * 1000} > /dev/kmsg") == "echo: write error: Invalid argument\n"


BUFFERS = "awk '/Buffers/ {print $2}' /proc/meminfo"
DISK = "cat /sys/kernel/debug/ramdisk_pages/ram0"


def test_a_disk_is_read_through_the_cache_of_its_own() -> None:
    """Which is emptied when the last one closes it."""
    typed = Typed("--ram", "64M")
    before = int(typed(BUFFERS))
    assert "copied" in typed("dd if=/dev/vda of=/dev/null bs=1M count=3")
    assert int(typed(BUFFERS)) == before
    typed("exec 5< /dev/vda; dd if=/dev/vda of=/dev/null bs=1M count=3 status=none")
    assert int(typed(BUFFERS)) - before >= 3072
    typed("exec 5<&-")
    assert int(typed(BUFFERS)) == before


def test_a_ram_disk_takes_a_page_for_each_that_is_written_and_keeps_it() -> None:
    """As the recorded kernels did: high memory for what it holds, low memory for the cache on the way to it."""
    typed = Typed("--ram", "1G")
    free = "awk '/^(High|Low)Free/ {print $2}' /proc/meminfo"
    high, low = map(int, typed(free).split())
    assert typed("head -c 5 /dev/ram0 | xxd -p") == "0000000000\n" and typed(DISK) == "0\n"
    typed("dd if=/dev/zero of=/dev/ram0 bs=1M count=4 status=none")
    assert typed(DISK) == "1024\n"
    after = [int(word) for word in typed(free).split()]
    assert 4032 <= high - after[0] < 4160 and low - after[1] < 2400
    assert "No space left on device" in typed("dd if=/dev/zero of=/dev/ram0 bs=1M count=5")
    typed("echo hello > /dev/ram0; sync; echo 3 > /proc/sys/vm/drop_caches")
    assert typed("head -c 6 /dev/ram0") == "hello\n" and typed(DISK) == "1024\n"
    typed("exec 5< /dev/ram0; dd if=/dev/ram0 of=/dev/null bs=1M status=none")
    held = [int(word) for word in typed(free).split()]
    assert 1700 <= after[1] - held[1] <= 4300 and abs(after[0] - held[0]) < 64
    typed("exec 5<&-")
    assert typed("check").startswith("ok")


def test_reading_a_ram_disk_counts_nothing() -> None:
    typed = Typed("--ram", "128M", "--arch", "x86_64")
    counts = "awk '/^pgpg/ {print $2}' /proc/vmstat"
    before = [int(word) for word in typed(counts).split()]
    typed("dd if=/dev/zero of=/dev/ram3 bs=64k count=2 status=none; cat /dev/ram3 > /dev/null")
    after = [int(word) for word in typed(counts).split()]
    assert after == [before[0], before[1] + 128]


def test_a_ram_disk_may_be_swapped_to() -> None:
    typed = Typed("--ram", "64M")
    typed("mkswap /dev/ram0; swapon /dev/ram0; p=$(mmap 2M rw); fill $p 2M; madvise $p 2M pageout")
    assert int(typed(DISK)) >= 512
    assert typed("awk '/ram0/ {print $4 >= 2048}' /proc/swaps") == "1\n"
    typed("touch $p 2M")
    assert typed("check").startswith("ok")


def test_a_loop_device_that_nothing_stands_behind() -> None:
    typed = Typed("--ram", "64M")
    assert typed("head -c 10 /dev/loop0 | wc -c") == "0\n"
    assert typed("dd if=/dev/zero of=/dev/loop0 bs=4k count=1").startswith(
        "dd: error writing '/dev/loop0': No space left on device"
    )


def test_a_disk_without_a_file_system_is_not_mounted() -> None:
    """In mount's words, as util-linux's had them."""
    typed = Typed("--ram", "64M")
    for device, why in (
        ("/dev/ram0", "wrong fs type, bad option, bad superblock on /dev/ram0, missing codepage or helper program, or "
                      "other error."),
        ("/dev/loop0", "can't read superblock on /dev/loop0."), ("none", "special device none does not exist."),
        ("/dev/nope", "special device /dev/nope does not exist."),
    ):  # fmt: skip
        assert typed(f"mount -t ext4 {device} /mnt").splitlines()[0] == f"mount: /mnt: {why}"
        assert typed.status == 32


@pytest.mark.parametrize("machine", ["i386", "x86_64"])
def test_a_mapped_disk_is_called_by_the_name_that_was_opened(machine: str) -> None:
    typed = Typed("--arch", machine, "--ram", "256M")
    files = typed.session.box.fs.opened
    named = typed("stat -c '00:05 %i' /dev/vdb").strip()
    typed("mknod /other b 254 16")
    number = typed("stat -c %i /other").strip()
    typed("p=$(mmap 4k r private --file /dev/vdb); q=$(mmap 4k r private --file /other); mv /other /moved; rm /moved")
    told = [line.split(maxsplit=5)[3:] for line in typed("grep -e vdb -e moved /proc/self/maps").splitlines()]
    assert sorted(told) == sorted([[*named.split(), "/dev/vdb"], ["fe:10", number, "/moved (deleted)"]])
    before = typed("df --output=iused / | tail -1")
    typed("munmap $p 4k; munmap $q 4k")
    assert int(typed("df --output=iused / | tail -1")) == int(before) - 1
    assert typed.session.box.fs.opened == files
    assert check(typed.session.box) == []


def test_a_node_is_copied_as_a_node() -> None:
    typed = Typed()
    typed("cp -R /dev/zero /tmp/z; cp -a /dev/null /dev/vda /tmp; cp /dev/null /tmp/empty")
    typed("mkfifo -m 640 /tmp/p; cp -a /tmp/p /tmp/q")
    assert typed("stat -c '%n %F %a %t,%T' /tmp/z /tmp/null /tmp/vda /tmp/empty /tmp/q").splitlines() == [
        "/tmp/z character special file 644 1,5", "/tmp/null character special file 666 1,3",
        "/tmp/vda block special file 660 fe,0", "/tmp/empty regular empty file 644 0,0", "/tmp/q fifo 640 0,0",
    ]  # fmt: skip
    assert typed("head -c 3 /tmp/z | wc -c; check | head -1").startswith("3\nok")
