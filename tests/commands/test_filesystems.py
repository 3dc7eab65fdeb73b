"""How full the file systems are: statfs() of each kind as the recorded kernels answered it, told by stat -f and df."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.linux.fs.ext4 import DISK_DEV, inode_blocks
from tests.commands.typed import Typed

FIGURES = "stat -f -c 'b=%b f=%f a=%a c=%c d=%d s=%s S=%S l=%l t=%t'"
NONE = "b=0 f=0 a=0 c=0 d=0 s={0} S={0} l=255 t={1}\n"


def figures(typed: Typed, where: str) -> dict[str, int]:
    return {part[0]: int(part[2:], 16 if part[0] == "t" else 10) for part in typed(f"{FIGURES} {where}").split()}


def test_the_disk_loses_blocks_and_inodes_as_ext4_does(typed: Typed) -> None:
    """An ext4 of 8 GiB that mke2fs has just made has 2038647 blocks, 1024 times 1024 / 2 inodes; asked of 6.1."""
    before = figures(typed, "/")
    assert (before["b"], before["c"], before["s"], before["t"]) == (2038647, 524288, 4096, 0xEF53)
    assert before["f"] - before["a"] == 2038641 - 1929688
    typed("mkdir /d; for i in 1 2 3 4 5; do echo x > /d/f$i; done; ln -s /x /d/l")
    after = figures(typed, "/")
    assert {key: before[key] - after[key] for key in "bfacd"} == {"b": 0, "f": 6, "a": 6, "c": 0, "d": 7}
    typed("touch /empty; ln /d/f1 /d/g")
    assert {key: after[key] - figures(typed, "/")[key] for key in "fad"} == {"f": 0, "a": 0, "d": 1}
    typed("rm -r /d /empty")
    assert figures(typed, "/") == before
    typed(f"ln -s /{'a' * 58} /short; ln -s /{'a' * 59} /long")
    assert before["f"] - figures(typed, "/")["f"] == 1 and typed("stat -c %b /short /long") == "0\n8\n"


def test_ram_file_systems_count_pages_and_files(typed: Typed) -> None:
    typed("mkdir /m; mount -t tmpfs -o size=10M,nr_inodes=100 u /m")
    assert figures(typed, "/m") == {"b": 2560, "f": 2560, "a": 2560, "c": 100, "d": 99, "s": 4096, "S": 4096, "l": 255,
                                    "t": 0x1021994}  # fmt: skip
    typed("mkdir /m/x; dd if=/dev/zero of=/m/y bs=1k count=100 status=none; ln -s a /m/z")
    assert typed("stat -f -c '%b %f %a %c %d' /m") == "2560 2535 2535 100 96\n"
    typed("mkdir /n; mount -t tmpfs -o size=0,nr_inodes=0 u /n; touch /n/a")
    assert typed(f"{FIGURES} /n") == NONE.format(4096, "1021994")
    assert typed("df /n | tail -1").split() == ["u", "0", "0", "0", "-", "/n"] and "/n" not in typed("df")
    identities = typed("stat -f -c %i / /dev /m /n /dev/shm /proc /sys").split()
    assert len(set(identities)) == 6 and identities[-2:] == ["0", "0"]


@pytest.mark.parametrize(("where", "magic", "name"), [
    ("/proc", "9fa0", "proc"), ("/sys", "62656572", "sysfs"), ("/sys/kernel/debug", "64626720", "debugfs"),
    ("/sys/kernel/tracing", "74726163", "tracefs"), ("/proc/self/mem", "9fa0", "proc"),
])  # fmt: skip
def test_what_has_no_blocks(typed: Typed, where: str, magic: str, name: str) -> None:
    assert typed(f"{FIGURES} {where}") == NONE.format(4096, magic)
    assert typed(f"stat -f -c %T {where}") == name + "\n"
    mount = typed(f"stat -c '%m %d' {where}").split()
    assert mount[0] == where.removesuffix("/self/mem")
    assert f" 0:{mount[1]} / {mount[0]} " in typed("cat /proc/self/mountinfo")


def test_huge_pages_are_told_where_the_mount_has_a_share(typed: Typed) -> None:
    if typed.session.bits == 32:
        return
    typed("sysctl -w vm.nr_hugepages=5; mkdir /h /h2 /h3; mount -t hugetlbfs h /h")
    typed("mount -t hugetlbfs -o size=8M,nr_inodes=10 h2 /h2; mount -t hugetlbfs -o min_size=4M h3 /h3")
    assert typed(f"{FIGURES} /h") == NONE.format(2 << 20, "958458f6")
    assert typed(f"{FIGURES} /h2").startswith("b=4 f=4 a=4 c=10 d=9 s=2097152 S=2097152 ")
    assert typed(f"{FIGURES} /h3").startswith("b=-1 f=-1 a=-1 c=18446744073709551615 d=-1 s=2097152 ")
    assert typed("df --output=source,size,used,avail,pcent,itotal,ipcent /h3 | tail -1").split() == ["h3"] + ["-"] * 6
    assert typed("stat -f -c '%+b|% b|%.3b|%05f|%-4a|' /h3") == "-1|-1|-001|-0001|-1  |\n"
    assert typed("stat -c %o /h2") == "2097152\n"
    typed("fallocate -l 4M /h2/a")
    typed("mmap 4M rw shared,populate --file /h2/a")
    assert typed("stat -f -c '%b %f %d' /h2") == "4 2 8\n"
    assert typed("df -i /h2 | tail -1").split() == ["h2", "10", "2", "8", "20%", "/h2"]


def test_a_field_has_its_bounds(typed: Typed) -> None:
    assert typed("stat -c %4096n / | wc -c") == "4097\n"
    assert typed("stat -c %999999999999n /") == "stat: a field is at most 4096 characters wide\n"


def test_the_list_leaves_out_what_another_mount_hides(typed: Typed) -> None:
    typed("mkdir /m; mount -t tmpfs -o size=1M one /m; mount -t tmpfs -o size=2M two /m")
    assert [line.split()[0] for line in typed("df -t tmpfs").splitlines() if line.endswith(" /m")] == ["two"]
    hidden = [line.split() for line in typed("df -aT").splitlines() if line.endswith(" /m")]
    assert hidden == [["one", "-", "-", "-", "-", "-", "/m"], ["two", "tmpfs", "2048", "0", "2048", "0%", "/m"]]


def test_df_tells_a_disk_by_its_name_and_sums(typed: Typed) -> None:
    assert typed("df --output=target,file /dev/vdb /dev/null /etc/passwd").splitlines() == [
        "Mounted on File", "/          /dev/vdb", "/dev       /dev/null", "/          /etc/passwd",
    ]  # fmt: skip
    rows = [line.split() for line in typed("df -i --total").splitlines()[1:]]
    assert rows[-1][:4] == ["total", *(str(sum(int(row[at]) for row in rows[:-1])) for at in (1, 2, 3))]
    assert typed("df --total --output=size,target / | tail -1") == "  8154588 total\n"


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(
    ["mkfile /d/{} {}", "truncate -s {1} /d/{0}", "rm -f /d/{}", "dd if=/dev/zero of=/d/{} bs={} count=3 status=none",
     "ln -f /d/{} /d/y", "mv -f /d/{} /d/z", "ln -sf /{1:0>70} /d/{0}", "mkdir /d/{}d", "rm -rf /d/{}d"]),
    st.sampled_from("xyz"), st.sampled_from([1, 4096, 5000, 100000])), max_size=12))  # fmt: skip
def test_the_blocks_in_use_are_those_of_the_files(lines: list[tuple[str, str, int]]) -> None:
    typed = Typed("--ram", "64M")
    typed("mkdir /d; cd /d")
    fs = typed.session.box.fs

    def counted() -> tuple[int, int]:
        disk = [inode for inode in fs.inodes() if inode.dev == DISK_DEV]
        return fs.used_blocks - sum(inode_blocks(inode) for inode in disk), fs.disk_inodes - len(disk)

    before = counted()  # /dev lies below devtmpfs
    for pattern, name, size in lines:
        typed(pattern.format(name, size))
    assert counted() == before


def test_where_there_is_no_kernel_there_are_no_figures() -> None:
    typed = Typed("--proc", "tests/reference")
    assert typed("df; stat -f /proc").splitlines() == [
        f"{name}: needs a kernel, and --proc has none: it reads a recorded /proc" for name in ("df", "stat")
    ]


def test_where_there_is_no_kernel_nothing_is_made() -> None:
    typed = Typed("--proc", "tests/reference")
    for line in ("mkfifo x", "mknod x p", "mknod x c 1 3", "mkdir x", "mkdir -p x/y", "rmdir x", "mktemp", "mktemp -d",
                 "link x y", "unlink x"):  # fmt: skip
        said = typed(line)
        assert said.startswith(f"{line.split()[0]}: "), said
        assert said.endswith(": Read-only file system\n"), said
