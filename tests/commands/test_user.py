"""malloc and its kin, mappings and access to memory as they are typed."""

import io

import pytest

import memsh.commands.heap
import memsh.commands.userheap
import memsh.commands.usermem  # noqa: F401  (the imports declare the commands)
from memsh.linux.config import Config
from memsh.machines.box import Box
from memsh.procfs.tree import show
from memsh.shell.session import Session


@pytest.fixture(scope="module")
def booted() -> Box:
    return Box(Config())


class Typed:
    """A session whose output is kept: (status, standard output, standard error) of a line."""

    def __init__(self, box: Box) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.session = Session(box, stdout=self.out, stderr=self.err)

    def __call__(self, line: str) -> tuple[int, str, str]:
        status = self.session.run(line)
        answer = status, self.out.getvalue(), self.err.getvalue()
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return answer


@pytest.fixture
def typed(booted: Box) -> Typed:
    return Typed(booted.copy())


ENDED = "process 53 (a.out) has ended; 1 (init) is current (run a.out starts another, undo takes it back)\n"


def test_the_first_blocks_of_a_static_program(typed: Typed) -> None:
    assert typed("malloc 100") == (0, "$1 = 0x8153e10  minflt 0 majflt 0\n", "")
    assert typed("malloc 100")[1] == "$2 = 0x8153e80  minflt 0 majflt 0\n"
    assert typed("malloc 200k")[1] == "$3 = 0xb7fc7010  minflt 1 majflt 0\n"
    assert typed("touch $3 200k")[1] == "minflt 50 majflt 0\n"
    assert typed("malloc_usable_size $1")[1] == "$4 = 108  minflt 0 majflt 0\n"
    assert typed("free $3; free $1") == (0, "minflt 0 majflt 0\n" * 2, "")
    assert typed("p=$(malloc 90)") == (0, "", "")
    assert typed.session.variables["p"] == "0x8153ef0"


def test_free_is_the_tool_without_an_address(typed: Typed) -> None:
    status, out, _ = typed("free")
    assert status == 0 and out.split()[:3] == ["total", "used", "free"]
    assert typed("free 0") == (0, "minflt 0 majflt 0\n", "")
    assert typed("free 1 2")[0] == 2
    assert typed("free x")[0] == 2


def test_errors_have_linux_words_and_tell_the_faults(typed: Typed) -> None:
    assert typed("malloc 3G") == (1, "minflt 0 majflt 0\n", "malloc: Cannot allocate memory\n")
    assert typed("mmap 0") == (1, "minflt 0 majflt 0\n", "mmap: Invalid argument\n")
    assert typed("munmap 0x40000001 4k") == (1, "minflt 0 majflt 0\n", "munmap: Invalid argument\n")
    assert typed("mprotect 0x50000000 4k r") == (1, "minflt 0 majflt 0\n", "mprotect: Cannot allocate memory\n")
    assert typed("mmap 4k banana")[0] == 2
    assert typed("p=$(malloc 3G)")[0] == 1
    assert "p" not in typed.session.variables


def test_the_break(typed: Typed) -> None:
    assert typed("sbrk 0")[1] == "$1 = 0x8175000  minflt 0 majflt 0\n"
    assert typed("sbrk 64k")[1] == "$2 = 0x8175000  minflt 0 majflt 0\n"
    assert typed("sbrk -4k")[1] == "$3 = 0x8185000  minflt 0 majflt 0\n"
    assert typed("brk 0x8175000") == (0, "minflt 0 majflt 0\n", "")
    assert typed("brk 0xb0000000") == (1, "minflt 0 majflt 0\n", "brk: Cannot allocate memory\n")


def test_system_calls_are_shown(typed: Typed) -> None:
    call = "mmap2(NULL, 208896, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xb7fc7000\n"
    assert typed("strace malloc 200k") == (0, call + "$1 = 0xb7fc7010  minflt 1 majflt 0\n", "")
    assert typed("strace free $1")[1] == "munmap(0xb7fc7000, 208896) = 0\nminflt 0 majflt 0\n"
    assert typed("malloc 100")[1].startswith("$2 = ")
    assert typed("strace nonsense")[0] == 127
    told = "munmap(0x1001, 4096) = -1 EINVAL (Invalid argument)\nminflt 0 majflt 0\n"
    assert typed("strace munmap 0x1001 4k") == (1, told, "munmap: Invalid argument\n")


def test_contents(typed: Typed) -> None:
    typed("malloc 100")
    assert typed('poke $1 "hello"')[1] == "minflt 0 majflt 0\n"
    assert typed("poke $1+5 00ff 0x41")[0] == 0
    row = "08153e10  68 65 6c 6c 6f 00 ff 41  00 00 00 00 00 00 00 00  |hello..A........|\n"
    assert typed("hexdump $1 16")[1] == row + "minflt 0 majflt 0\n"
    assert typed("poke $1 0x123")[0] == 2
    assert "*\n" in typed("hexdump $1+16 4k")[1]


def test_zero_page_and_copy(typed: Typed) -> None:
    typed("mmap 8k")
    assert typed("read $1 8k")[1] == "minflt 2 majflt 0  zero page, RSS unchanged\n"
    assert typed("write $1 8k")[1] == "minflt 2 majflt 0  copy-on-write\n"
    assert typed("mprotect $1 4k r; touch $1 8k")[1] == "minflt 0 majflt 0\n" * 2


def test_segmentation_faults(typed: Typed) -> None:
    assert typed("poke 0 x") == (139, "", "Segmentation fault\n" + ENDED)
    log = typed.session.box.log.records
    assert any("a.out[53]: segfault at 0 ip 080497d0" in record.text for record in log)
    assert typed("run a.out")[0] == 0
    assert typed("jump 0xc0000000")[0] == 139


def test_aborts(typed: Typed) -> None:
    typed("malloc 100; free $1")
    assert typed("free $1") == (134, "", "free(): double free detected in tcache 2\nAborted\n" + ENDED)


def test_stack(typed: Typed) -> None:
    assert typed("stack 64k")[1].startswith("minflt 15 ")
    assert typed("stack 9M")[0] == 139


def test_mallinfo_and_trim(typed: Typed) -> None:
    lines = typed("mallinfo")[1].splitlines()
    assert lines[0] == "arena 137088" and "uordblks 1416" in lines and lines[-1] == "minflt 0 majflt 0"
    assert typed("malloc_trim") == (0, "minflt 0 majflt 0  memory was released\n", "")
    assert typed("malloc_trim")[1] == "minflt 0 majflt 0  there was nothing to release\n"


def test_realloc_in_place_and_moved(typed: Typed) -> None:
    assert typed("malloc 100; realloc $1 5000")[1].endswith("0x8153e10  minflt 1 majflt 0  in place\n")
    assert typed("malloc 10; realloc $1 9000")[1].endswith("  moved\n")


def test_heap_view(typed: Typed) -> None:
    typed("malloc 100; malloc 100; free $1")
    before = typed.session.box.current.minflt
    status, out, _ = typed("heap")
    assert status == 0 and max(map(len, out.splitlines())) <= 60
    assert "0x8153e10   112  tcache\n0x8153e80   112  in use\n" in out
    assert "tcache 112" in out and "trim threshold 128 KiB" in out
    assert typed.session.box.current.minflt == before
    typed("poke $2-4 ffffffff")
    assert "corrupt: size 0xffffffff" in typed("heap")[1]
    assert typed("run a.out-dyn; heap")[1].endswith("The heap is untouched: nothing was allocated yet.\n")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/proc/slabinfo", "Input/output error"),
        ("/proc/sys/vm/swappiness", "No such device"),
        ("/proc/self/maps", "No such device"),
        ("/proc", "No such device"),
        ("/dev/null", "No such device"),
        ("/bin", "No such device"),
        ("/proc/nothing", "No such file or directory"),
    ],
)
def test_files_that_cannot_be_mapped(typed: Typed, path: str, words: str) -> None:
    assert typed(f"mmap 4k r --file {path}") == (1, "minflt 0 majflt 0\n", f"mmap: {words}\n")


def test_mallopt_takes_parameters_by_name_and_says_what_is_not_taken(typed: Typed) -> None:
    assert typed("malloc 200k")[1].startswith("$1 = 0xb7")
    assert typed("mallopt M_MMAP_THRESHOLD 1M")[0] == 0
    assert typed("malloc 200k")[1].startswith("$2 = 0x81")
    assert typed("mallopt mxfast 200")[::2] == (1, "mallopt: mallopt(1, 200) = 0: not taken\n")
    assert "'M_FAST' is no parameter of malloc" in typed("mallopt M_FAST 1")[2]
    assert typed("mallopt M_PERTURB")[0] == 2
    assert "an int is from" in typed("mallopt M_TOP_PAD 4G")[2]


def test_a_program_finds_the_tunables_of_its_library_in_its_environment(typed: Typed) -> None:
    typed("GLIBC_TUNABLES=glibc.malloc.mmap_threshold=0x100000 run a.out")
    text = show(typed.session.box, "/proc/self/environ")
    assert text == "HOME=/\0TERM=linux\0GLIBC_TUNABLES=glibc.malloc.mmap_threshold=0x100000\0"
    assert typed("malloc 200k")[1].startswith("$1 = 0x81")
    typed("run a.out")
    assert typed("malloc 200k")[1].startswith("$2 = 0xb7")
    assert show(typed.session.box, "/proc/self/environ") == "HOME=/\0TERM=linux\0"


def test_malloc_stats_and_info_are_of_one_mind(typed: Typed) -> None:
    typed("malloc 200k")
    assert "system bytes     =     345984" in typed("malloc_stats")[1]
    assert '<total type="mmap" count="1" size="208896"/>' in typed("malloc_info")[1]


@pytest.mark.parametrize(("arch", "name"), [("i386", "mmap2"), ("x86_64", "mmap")])
def test_strace_names_the_system_call_of_the_machine(arch: str, name: str) -> None:
    typed = Typed(Box(Config(arch=arch)))
    told = "".join(map(str, typed("strace malloc 200k") + typed("strace mmap 4k r --file /bin/sh --offset 8k")))
    assert f"{name}(NULL, 208896, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)" in told
    assert f"{name}(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0x2000)" in told


def test_a_call_into_the_old_page_of_system_calls_is_told_of_twice() -> None:
    """The page says that it is not served, then the fault is logged as any other."""
    typed = Typed(Box(Config(arch="x86_64")))
    typed("jump 0xffffffffff600000")
    log = [record.text for record in typed.session.box.log.records][-3:]
    assert "vsyscall attempted with vsyscall=none ip:ffffffffff600000" in log[0]
    assert "segfault at ffffffffff600000 ip ffffffffff600000" in log[1] and " error 15 likely on CPU 0" in log[1]
    assert log[2].endswith("Code: Unable to access opcode bytes at 0xffffffffff5fffd6.")
