"""Memory that processes share, lock and look at: shmget, ipcs, memfd, vfork, process_vm_*, mlockall, mincore, …"""

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed


def shared(typed: Typed) -> int:
    return int(typed("grep Shmem: /proc/meminfo").split()[1])


def committed(typed: Typed) -> int:
    return int(typed("grep Committed_AS /proc/meminfo").split()[1])


def test_a_segment_is_shared_until_its_last_attachment(typed: Typed) -> None:
    before, promised = shared(typed), committed(typed)
    assert typed("shmget 0x1234 1M") == "$1 = 0  minflt 0 majflt 0\n"
    assert committed(typed) == promised + 1024
    typed("p=$(shmat 0); touch $p 64k; c=$(fork); poke $p hello")
    assert shared(typed) == before + 64
    assert "hello" in typed("as $c hexdump $p 16")
    assert typed("awk '$2 == 0 {print $1, $3, $4, $7}' /proc/sysvipc/shm") == "4660 600 1048576 2\n"
    assert typed("grep -c '00:01 0  *./SYSV00001234 (deleted)$' /proc/self/maps") == "1\n"
    assert typed("ipcrm -m 0; ipcs -m | grep dest").split() == [
        "0x00000000",
        "0",
        "root",
        "600",
        "1048576",
        "2",
        "dest",
    ]
    assert typed("shmget 0x1234 4k").startswith("$2 = 1 ")  # the key is free
    typed("shmdt $p")
    assert shared(typed) == before + 64
    typed("as $c _exit 0")
    assert shared(typed) == before
    assert typed("ipcrm -M 0x1234; ipcs -m | tail -n +4").strip() == ""
    typed("wait")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("shmget 1 4k; shmget 1 4k create,excl", "shmget: File exists"),
        ("shmget 2 4k 0600", "shmget: No such file or directory"),
        ("shmget 1 4k; shmget 1 8k", "shmget: Invalid argument"),
        ("shmget private 0", "shmget: Invalid argument"),
        ("sysctl -q -w kernel.shmmax=4096; shmget private 8k", "shmget: Invalid argument"),
        ("sysctl -q -w kernel.shmmni=0; shmget private 8k", "shmget: No space left on device"),
        ("shmat 5", "shmat: Invalid argument"),
        ("shmget private 4k; shmat 0 --addr 0x50000001", "shmat: Invalid argument"),
        ("p=$(mmap 4k); shmget private 4k; shmat 0 --addr $p", "shmat: Invalid argument"),
        ("p=$(mmap 4k); shmdt $p", "shmdt: Invalid argument"),
        ("shmctl 3 rmid", "shmctl: Invalid argument"),
        ("ipcrm -m 7", "ipcrm: invalid id (7)"),
        ("ipcrm -M 0", "ipcrm: illegal key (0)"),
        ("ipcs -m -i 7", "ipcs: id 7 not found"),
        ("ipcs -i 7", "ipcs: when using an ID, a single resource must be specified"),
        ("ulimit -v 4096; mlockall; shmget private 64M; shmat 0", "shmat: Cannot allocate memory"),
        ("mincore 1 4k", "mincore: Invalid argument"),
        ("mincore 0 4k", "mincore: Cannot allocate memory"),
        ("mlockall onfault", "mlockall: Invalid argument"),
        ("p=$(mmap 4k); msync $p 4k sync,async", "msync: Invalid argument"),
        ("p=$(mmap 4k); mlock $p 4k; msync $p 4k invalidate", "msync: Device or resource busy"),
        ("msync 0 4k", "msync: Cannot allocate memory"),
        ("p=$(malloc 10); process_vm_readv 2 $p $p 4", "process_vm_readv: No such process"),
        ("p=$(malloc 10); c=$(fork); process_vm_readv $c $p 0 4", "process_vm_readv: Bad address"),
    ],
)
def test_what_linux_refuses(line: str, said: str) -> None:
    assert said in Typed("--arch", "i386", "--ram", "128M")(line)


def test_segments_may_be_read_only_and_anywhere(typed: Typed) -> None:
    typed("shmget private 8k; p=$(shmat 0 rdonly)")
    assert typed("read $p").startswith("minflt 1")
    assert typed("grep SYSV /proc/self/maps").split()[1] == "r--s"
    assert typed("shmat 0 --addr 0x50001000").startswith("$2 = 0x50001000")
    assert typed("shmat 0 rnd --addr 0x60001234").startswith("$3 = 0x60001000")
    assert typed("shmdt 0x50001000; awk '$2 == 0 {print $7}' /proc/sysvipc/shm").endswith("2\n")
    assert "Segmentation fault" in typed("write $p")


def test_numbers_go_round(typed: Typed) -> None:
    for _ in range(64):
        typed("shmget private 4k; ipcrm -m $")
    assert typed("shmget private 4k").split()[2] == "32768"


def test_ipcs_prints_what_util_linux_prints(typed: Typed) -> None:
    typed("shmget 0x3d568865 1536000 create,0644")
    assert typed("ipcs -m") == (
        "\n------ Shared Memory Segments --------\n"
        "key        shmid      owner      perms      bytes      nattch     status      \n"
        "0x3d568865 0          root       644        1536000    0                       \n\n"
    )
    assert "0x3d568865 0          root       644          1.5M     0                       \n" in typed(
        "ipcs -m --human"
    )
    assert "\npages allocated 375\npages resident  0\n" in typed("ipcs -u")
    assert "0          root       53         0         \n" in typed("ipcs -m -p")
    assert "0          644        root       root       root       root      \n" in typed("ipcs -m -c")
    assert "mode=0644\taccess_perms=0644\nbytes=1536000\tlpid=0\tcpid=53\tnattch=0\n" in typed("ipcs -m -i 0")
    assert (
        typed("ipcs -m -t")
        .splitlines()[3]
        .startswith("0          root       Not set              Not set              ")
    )
    assert len(typed("ipcs").splitlines()) == 13


def test_a_memfd_has_no_name_and_lives_in_its_mappings(typed: Typed) -> None:
    before = shared(typed)
    typed("p=$(memfd cache 1M); write $p 64k")
    assert typed("grep -c '/memfd:cache (deleted)$' /proc/self/maps") == "1\n"
    assert shared(typed) == before + 64
    typed("munmap $p 1M")
    assert shared(typed) == before


def test_vfork_borrows_the_memory_and_stops_the_parent(typed: Typed) -> None:
    frames = typed("grep nr_page_table_pages /proc/vmstat")
    assert typed("vfork").startswith("$1 = 54 ")
    assert typed("grep nr_page_table_pages /proc/vmstat") == frames
    assert typed("grep State /proc/53/status") == "State:\tD (disk sleep)\n"
    assert "waits in vfork()" in typed("switch 53") and "waits in vfork()" in typed("as 53 malloc 10")
    typed("p=$(malloc 100); poke $p hello; exec a.out")
    assert typed("grep State /proc/53/status") == "State:\tS (sleeping)\n"
    assert "hello" in typed("as 53 hexdump $p 16")
    typed("_exit 3")
    assert typed("wait").endswith("= 54  minflt 0 majflt 0  exit status 3\n")
    assert typed("as 53 vfork").startswith("$3 = 55 ")
    assert typed("readlink /proc/self") == "55\n"
    typed("_exit 0; wait; vfork; _exit 1")
    assert typed("grep -E '^(Pid|State)' /proc/self/status") == "State:\tR (running)\nPid:\t53\n"


def test_memory_of_another_process(typed: Typed) -> None:
    typed("p=$(malloc 100); poke $p hello; c=$(fork); poke $p world")
    assert typed("q=$(malloc 100); process_vm_readv $c $q $p 5").startswith("$1 = 5 ")
    assert "hello" in typed("hexdump $q 5")
    typed("process_vm_writev $c $p $p 5")
    assert "world" in typed("as $c hexdump $p 5")
    assert typed("m=$(mmap 8k); munmap $m+4k 4k; process_vm_readv $c $q $m 100").endswith(
        "process_vm_readv: Bad address\n"
    )
    assert f"process_vm_readv({54}, " in typed("strace process_vm_readv $c $q $p 5")


def test_everything_may_be_locked(typed: Typed) -> None:
    typed("mlockall current,future")
    size = typed("grep VmSize /proc/self/status").split()[1]
    locked = int(typed("grep VmLck /proc/self/status").split()[1])
    assert 0 < locked <= int(size)
    assert typed("p=$(mmap 64k); mincore $p 64k").startswith("1+16\n")
    typed("munlockall")
    assert typed("grep VmLck /proc/self/status").split()[1] == "0"
    typed("mlockall future,onfault; p=$(mmap 64k)")
    assert typed("mincore $p 64k").startswith("0+16\n")


def test_mincore_sees_the_page_cache_and_zero_pages(typed: Typed) -> None:
    typed("p=$(mmap 64k); read $p 8k; write $p+16k 4k")
    assert typed("mincore $p 64k").startswith("1+2 0+2 1+1 0+11\n")
    typed("mkfile /data 64k; dd if=/data of=/dev/null bs=4k count=1; f=$(mmap 64k r --file /data)")
    assert typed("mincore $f 64k").startswith("1+")
    typed("echo 3 > /proc/sys/vm/drop_caches")
    assert typed("mincore $f 64k").startswith("0+16\n")


def test_msync_writes_the_file(typed: Typed) -> None:
    typed("mkfile /data 64k; f=$(mmap 64k rw shared --file /data); write $f 64k")
    assert int(typed("grep nr_dirty /proc/vmstat | head -1").split()[1]) >= 16
    typed("msync $f 64k async")
    assert int(typed("grep 'nr_dirty ' /proc/vmstat").split()[1]) >= 16
    typed("msync $f 64k")
    assert typed("grep 'nr_dirty ' /proc/vmstat") == "nr_dirty 0\n"


def test_msync_writes_no_more_than_the_range(typed: Typed) -> None:
    typed("mkfile /data 1M; f=$(mmap 1M rw shared --file /data); sync; write $f 1M")
    typed("msync $f+64k 128k")
    assert typed("grep 'nr_dirty ' /proc/vmstat") == f"nr_dirty {256 - 32}\n"


def test_fadvise_begins_to_write_what_it_cannot_drop(typed: Typed) -> None:
    """dd iflag=nocache: posix_fadvise(POSIX_FADV_DONTNEED). Pages that are being written go the next time."""
    typed("mkfile /data 2M; sync; dd if=/dev/zero of=/data bs=4k seek=128 count=256 conv=notrunc")
    count = "grep -E '^nr_(dirty|writeback|file_pages) ' /proc/vmstat | cut -d' ' -f2"
    there, dirty, written = map(int, typed(count).split())
    assert (dirty, written) == (256, 0)
    typed("dd if=/data iflag=nocache count=0")
    assert [*map(int, typed(count).split())] == [there, 0, 256]
    typed("sleep 1; dd if=/data iflag=nocache count=0")
    assert [*map(int, typed(count).split())] == [there - 256, 0, 0]


def test_fadvise_writes_no_more_than_the_range(typed: Typed) -> None:
    typed("mkfile /data 2M; sync; dd if=/dev/zero of=/data bs=4k count=512 conv=notrunc")
    typed("dd if=/data iflag=nocache bs=4k skip=10 count=100 of=/dev/null")
    assert typed("grep 'nr_dirty ' /proc/vmstat") == "nr_dirty 412\n"


def test_mincore_after_swap() -> None:
    typed = Typed("--arch", "i386", "--ram", "128M", "--swap", "256M")
    typed("p=$(mmap 160M); touch $p 160M")
    assert "0+" in typed("mincore $p 160M")
    assert check(typed.session.box) == []


def test_undo_takes_a_segment_back(typed: Typed) -> None:
    typed("shmget 5 1M")
    typed("undo")
    assert typed("ipcs -m | tail -n +4").strip() == ""
