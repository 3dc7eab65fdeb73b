"""dd, sync, df, sysctl and reading whole files, as they are typed; dd's figures as coreutils spells them."""

from collections.abc import Callable

import pytest

from memsh.commands.disk import human, statistics
from memsh.inspect.check import check
from memsh.linux.fs.ext4 import RESV_CLUSTERS, free_blocks
from tests.commands.typed import Typed
from tests.sessions import typed_session


@pytest.mark.parametrize(("amount", "base", "text"), [
    (0, 1000, "0 B"), (512, 1000, "512 B"), (999, 1000, "999 B"), (1000, 1000, "1.0 kB"), (1023, 1024, "1023 B"),
    (1024, 1024, "1.0 KiB"), (4194304, 1000, "4.2 MB"), (4194304, 1024, "4.0 MiB"), (41943040, 1000, "42 MB"),
    (9999, 1000, "10 kB"), (9949, 1000, "9.9 kB"), (999_600, 1000, "1.0 MB"), (8589934592, 1000, "8.6 GB"),
    (10485760, 1024, "10 MiB"), (1_050_000, 1000, "1.0 MB"), (1_150_000, 1000, "1.2 MB"),
])  # fmt: skip
def test_sizes_as_coreutils(amount: int, base: int, text: str) -> None:
    assert human(amount, base) == text


def test_statistics_as_coreutils() -> None:
    assert statistics(0, 0) == "0 bytes copied, 0 s, Infinity B/s\n"
    assert statistics(1, 100) == "1 byte copied, 0.0001 s, 10 kB/s\n"
    assert statistics(1000, 250_000) == "1000 bytes (1.0 kB) copied, 0.25 s, 4.0 kB/s\n"
    assert statistics(1 << 20, 1_234_567) == "1048576 bytes (1.0 MB, 1.0 MiB) copied, 1.23457 s, 849 kB/s\n"


@pytest.fixture
def box() -> Callable[..., str]:
    session, screen = typed_session(["--ram", "128M"])

    def run(line: str, status: int = 0) -> str:
        screen.seek(0)
        screen.truncate()
        assert session.run(line) == status, screen.getvalue()  # type: ignore[attr-defined]
        return screen.getvalue()

    run.session = session  # type: ignore[attr-defined]
    return run


def test_dd_copies_blocks(box: Callable[..., str]) -> None:
    box("echo hello world > /tmp/a")
    assert box("dd if=/tmp/a of=/tmp/b bs=4 skip=1 count=2").splitlines() == [
        "2+0 records in", "2+0 records out", "8 bytes copied, 0 s, Infinity B/s",
    ]  # fmt: skip
    assert box("cat /tmp/b") == "o world\n"
    box("dd if=/tmp/a of=/tmp/b bs=1 seek=2 count=2 conv=notrunc status=none")
    assert box("cat /tmp/b") == "o herld\n"
    box("dd if=/tmp/a of=/tmp/b bs=1 seek=2 count=2 status=none")
    assert box("cat /tmp/b; wc -c < /tmp/b") == "o he4\n"
    assert box("dd if=/tmp/a bs=5 count=1 status=none") == "hello"
    assert box("dd if=/tmp/a of=/tmp/c bs=7").splitlines()[:2] == ["1+1 records in", "1+1 records out"]


def test_dd_waits_for_the_disk(box: Callable[..., str]) -> None:
    assert box("dd if=/dev/zero of=/data bs=1M count=8 conv=fsync").splitlines()[2] == (
        "8388608 bytes (8.4 MB, 8.0 MiB) copied, 0.017184 s, 488 MB/s"
    )
    assert box("awk '/^(Dirty|Writeback):/ {print $2}' /proc/meminfo") == "0\n0\n"
    assert "Infinity" in box("dd if=/data of=/dev/null bs=1M")
    box("echo 1 > /proc/sys/vm/drop_caches")
    assert "Infinity" not in box("dd if=/data of=/dev/null bs=1M")


def test_direct_io_goes_past_the_cache(box: Callable[..., str]) -> None:
    cached = box("grep ^Cached /proc/meminfo")
    assert "Infinity" not in box("dd if=/dev/zero of=/data bs=64k count=16 oflag=direct")
    assert "Infinity" not in box("dd if=/data of=/dev/null bs=64k iflag=direct")
    assert box("grep ^Cached /proc/meminfo") == cached
    assert box("dd if=/dev/zero of=/data bs=1000 count=1 oflag=direct", 1).startswith(
        "dd: error writing '/data': Invalid argument\n"
    )
    box("echo abc > /tmp/x")
    box("dd if=/dev/zero of=/tmp/x bs=512 count=1 oflag=direct conv=notrunc status=none; sync /tmp/x")
    assert box("wc -c < /tmp/x") == "512\n" and box("check").startswith("ok")


def test_a_disk_and_a_tmpfs_that_are_full(box: Callable[..., str]) -> None:
    fs = box.session.box.fs  # type: ignore[attr-defined]
    assert box("mkfile /huge 9G", 1) == "mkfile: No space left on device\n"
    left = (free_blocks(fs) - RESV_CLUSTERS << 12) - 2 * 1024 * 1024 - 4096
    box(f"mkfile /most {left}")
    lines = box("dd if=/dev/zero of=/data bs=1M", 1).splitlines()
    assert lines[:3] == ["dd: error writing '/data': No space left on device", "3+0 records in", "2+1 records out"]
    assert lines[3].startswith("2101248 bytes (2.1 MB, 2.0 MiB) copied, ")
    assert box("echo x > /y", 1).endswith("No space left on device\n")
    assert box("df / | tail -1").split()[3:] == ["0", "100%", "/"] and box("stat -f -c '%f %a' /") == "4096 0\n"
    assert box("mkdir /d", 1).endswith("No space left on device\n") and box("ln -s /etc /l; readlink /l") == "/etc\n"
    box("rm /most /data")
    assert box("dd if=/dev/zero of=/dev/shm/a bs=1M", 1).startswith("dd: error writing '/dev/shm/a': No space left on")
    assert "100% /dev/shm" in box("df -h /dev/shm")
    assert int(box("awk '/^Shmem:/ {print $2}' /proc/meminfo")) > 50_000
    box("rm /dev/shm/a")
    assert box("check").startswith("ok")


@pytest.mark.parametrize(("line", "says"), [
    ("dd foo", "dd: unrecognized operand 'foo'"), ("dd bs=x", "dd: invalid number: 'x'"),
    ("dd bs=0", "dd: invalid number"),
    ("dd conv=xx", "dd: invalid conversion: 'xx'"), ("dd oflag=xx", "dd: invalid output flag: 'xx'"),
    ("dd if=/dev/zero of=/dev/null", "dd: count is missing"),
])  # fmt: skip
def test_dd_refuses(box: Callable[..., str], line: str, says: str) -> None:
    assert box(line, 2).startswith(says)


def test_dd_says_what_it_cannot_open(box: Callable[..., str]) -> None:
    assert box("dd if=/nope of=/x", 1) == "dd: failed to open '/nope': No such file or directory\n"
    assert box("dd if=/etc/hosts of=/nope/x", 1) == "dd: failed to open '/nope/x': No such file or directory\n"
    assert box("dd if=/etc/hosts of=/etc", 1) == "dd: failed to open '/etc': Is a directory\n"


def test_cat_to_nowhere_fills_the_cache(box: Callable[..., str]) -> None:
    box("mkfile /data 20M; cat /data > /dev/null")
    assert len(box.session.box.fs.lookup("/data").mapping.pages) == 5120  # type: ignore[attr-defined]
    assert not box.session.box.memmap.data.keys() & set(  # type: ignore[attr-defined]
        box.session.box.fs.lookup("/data").mapping.pages.values()  # type: ignore[attr-defined]
    )
    assert box("cat /nope > /dev/null", 1) == "cat: /nope: No such file or directory\n"


def test_sysctl_reads_a_file(box: Callable[..., str]) -> None:
    box("printf '# x\\nvm.swappiness = 10\\n\\nvm.dirty_ratio=40\\n' > /tmp/conf")
    assert box("sysctl -p /tmp/conf") == "vm.swappiness = 10\nvm.dirty_ratio = 40\n"
    assert box("sysctl -n vm.swappiness") == "10\n"
    assert box("sysctl -p") == ""
    assert box("sysctl -p /nope", 1) == 'sysctl: cannot open "/nope": No such file or directory\n'
    for value in ("-1", "201", "abc", "1.5", ""):
        assert box(f"sysctl -w vm.swappiness={value}", 1).startswith('sysctl: setting key "vm.swappiness": Invalid arg')
    assert box("sysctl -n vm.swappiness") == "10\n"
    for value in ("0", "5", "-1", "x"):
        assert "Invalid argument" in box(f"echo {value} > /proc/sys/vm/drop_caches", 1)


def test_sync_of_one_file(box: Callable[..., str]) -> None:
    box("echo a > /a; echo b > /b; sync /a")
    assert box("grep Dirty /proc/meminfo") == "Dirty:                 4 kB\n"
    assert box("sync /nope", 1) == "sync: error opening '/nope': No such file or directory\n"
    box("sync")
    assert box("grep Dirty /proc/meminfo") == "Dirty:                 0 kB\n"


def test_the_disk_counts_its_requests(box: Callable[..., str]) -> None:
    before = [int(word) for word in box("grep vdb /proc/diskstats").split()[3:]]
    box("dd if=/dev/zero of=/data bs=1M count=2 conv=fsync; echo 1 > /proc/sys/vm/drop_caches; cat /data > /dev/null")
    after = [int(word) for word in box("grep vdb /proc/diskstats").split()[3:]]
    assert after[2] - before[2] >= 2 * 2048 and after[6] - before[6] == 2 * 2048
    assert after[4] - before[4] == 2  # two requests of 1 MiB
    assert box("vmstat -d | tail -1").startswith("vdb")


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_each_disk_counts_what_it_was_asked(arch: str) -> None:
    """As a real kernel counts them: a page to look for partitions, a page for the header of swap."""
    box = Typed("--arch", arch, "--ram", "256M", "--swap", "64M")
    line = " 254       0 vda {0} 0 {1} 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    assert box("grep vda /proc/diskstats") == line.format(2, 16)
    assert box("grep virtio0-req /proc/interrupts").split()[:2] == ["25:", "2"]
    before = box("grep vdb /proc/diskstats")
    assert int(box("grep pgpgin /proc/vmstat").split()[1]) == 64 + 8 + int(before.split()[5]) // 2
    box("swapoff -a; mkswap /dev/vda; sync")
    assert box("grep vda /proc/diskstats").split()[7:10] == ["1", "0", "8"]
    assert box("grep vdb /proc/diskstats").split()[9] == "0"
    box("fallocate -l 8M /s; chmod 600 /s; mkswap /s; sync; swapon /s")
    vda, before = box("grep vda /proc/diskstats"), box("grep vdb /proc/diskstats")
    box("a=$(malloc 1M); fill $a 1M; madvise $((a & ~4095)) 1M pageout; sleep 1")
    assert box("grep vda /proc/diskstats") == vda  # a swap file is the file system's
    assert int(box("grep vdb /proc/diskstats").split()[9]) > int(before.split()[9])
    assert check(box.session.box) == []


def test_traced_pages_of_files(box: Callable[..., str]) -> None:
    box("trace on; echo hi > /tmp/t; rm /tmp/t; trace off")
    told = box("cat /sys/kernel/tracing/trace")
    number = int(box("cat /sys/kernel/tracing/trace | grep -o 'writeback_dirty_folio: .*'").split("ino=")[1].split()[0])
    for event in ("mm_filemap_add_to_page_cache", "mm_filemap_delete_from_page_cache"):
        assert f"{event}: dev 254:16 ino {number:x} pfn=0x" in told


def test_mv_between_file_systems_copies(box: Callable[..., str]) -> None:
    box("echo hello > /dev/shm/a; mv /dev/shm/a /tmp")
    assert box("cat /tmp/a; ls /dev/shm") == "hello\n"
    box("mv /tmp/a /dev/shm/b; mkdir /tmp/d")
    assert box("cat /dev/shm/b") == "hello\n"
    box("echo below > /tmp/d/e; ln -s e /tmp/d/f; mv /tmp/d /dev/shm")
    assert box("cat /dev/shm/d/f; ls -F /dev/shm/d /tmp") == "below\n/dev/shm/d:\ne\nf@\n\n/tmp:\n"
    said = box("mv /dev/shm/d /dev/shm/d/g", 1)
    assert said == "mv: cannot move '/dev/shm/d' to a subdirectory of itself, '/dev/shm/d/g'\n"
    assert box("check").startswith("ok")


def test_head_reads_no_more_than_it_shows(box: Callable[..., str]) -> None:
    box("mkfile /m 60M")
    assert box("head -c 300000 /m | wc -c; head -c 5 /dev/zero | wc -c; echo hello | head -c 3") == "300000\n5\nhel"
    assert len(box.session.box.fs.lookup("/m").mapping.pages) < 300  # type: ignore[attr-defined]


def test_pages_dirtied_through_a_mapping_are_throttled_too(box: Callable[..., str]) -> None:
    box("mkfile /m 40M; a=$(mmap 40M rw shared --file /m); touch $a 40M; poke $a hello")
    assert int(box("awk '/^Dirty/ {print $2}' /proc/meminfo")) < 24000
    assert int(box("awk '/^nr_written/ {print $2}' /proc/vmstat")) > 2000
    box("munmap $a 40M; sync; echo 3 > /proc/sys/vm/drop_caches")
    assert box("head -c 5 /m") == "hello" and box("check").startswith("ok")


def test_sysctl_as_procps_has_it(box: Callable[..., str]) -> None:
    assert box("sysctl vm.drop_caches") == ""  # what root may only write is passed over
    assert box("sysctl -w vm.swappiness", 1) == "sysctl: command line(0): invalid syntax, continuing...\n"
    assert box("sysctl -N vm.swappiness") == "vm.swappiness\n"
    assert box("sysctl -b vm.swappiness vm.dirty_ratio") == "6020"
    assert box("sysctl -a -r '^vm.dirty_b.*s$'") == "vm.dirty_background_bytes = 0\nvm.dirty_bytes = 0\n"
    assert box("sysctl vm").splitlines() == [line for line in box("sysctl -a").splitlines() if line[:3] == "vm."]
    assert box("sysctl --dry-run vm/swappiness=5") == "vm.swappiness = 5\n" and box("sysctl -n vm/swappiness") == "60\n"
    box("printf 'vm.swappiness = 12\\n-vm.nope=3\\nnonsense\\n; x\\n' > /tmp/conf")
    assert box("sysctl -p /tmp/conf", 1) == (
        "vm.swappiness = 12\nsysctl: cannot stat /proc/sys/vm/nope: No such file or directory\n"
        "sysctl: /tmp/conf(3): invalid syntax, continuing...\n"
    )
    assert box("sysctl -e vm.nope vm.swappiness") == "vm.swappiness = 12\n"
    assert box("sysctl --system").startswith("* Applying /etc/sysctl.conf ...\n")
    assert box("cat /proc/sys/vm/stat_refresh; echo 1 > /proc/sys/vm/stat_refresh") == ""


def test_dd_says_when_there_is_nothing_to_skip_to(box: Callable[..., str]) -> None:
    box("mkfile /f 8k")
    assert box("dd if=/f of=/dev/null bs=4k skip=3").startswith("dd: /f: cannot skip to specified offset\n0+0 ")
    assert box("dd if=/f of=/dev/null bs=4k skip=2").startswith("0+0 records in")
    assert box("dd if=/f of=/dev/null bs=4k skip=3 status=none") == ""
