"""run, fork, exec, switch, as, kill, wait, _exit as they are typed."""

import io

import pytest

import memsh.commands.processes
import memsh.commands.signals
import memsh.commands.usermem  # noqa: F401  (declares the commands)
from memsh.commands.console import Console
from memsh.linux.config import Config
from memsh.machines.box import Box
from memsh.procfs.tree import show
from memsh.shell.session import Session


@pytest.fixture(scope="module")
def booted() -> Box:
    return Box(Config())


class Typed:
    """A session whose output is kept."""

    def __init__(self, box: Box) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.session = Session(box, stdout=self.out, stderr=self.err)
        self.session.console = Console(self.session)

    def __call__(self, line: str) -> tuple[int, str, str]:
        """Status, standard output, standard error of one line."""
        status = self.session.run(line)
        answer = status, self.out.getvalue(), self.err.getvalue()
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return answer

    @property
    def box(self) -> Box:
        box: Box = self.session.box
        return box


@pytest.fixture
def typed(booted: Box) -> Typed:
    return Typed(booted.copy())


def test_fork_yields_the_child_in_decimal(typed: Typed) -> None:
    assert typed("fork") == (0, "$1 = 54  minflt 1 majflt 0\n", "")
    assert typed.box.current.pid == 53
    assert typed("c=$(fork)") == (0, "", "")
    assert typed.session.variables["c"] == "55"


def test_a_child_ends_and_is_waited_for(typed: Typed) -> None:
    typed("fork")
    assert typed("wait")[0] == 1
    assert typed("switch 54") == (0, "54 (a.out) is current\n", "")
    status, out, err = typed("_exit 3")
    assert (status, out) == (0, "")
    assert err.startswith("process 54 (a.out) has ended; 53 (a.out) is current (run a.out")
    assert typed.box.tasks[54].state == "Z"
    assert typed("wait") == (0, "$2 = 54  minflt 0 majflt 0  exit status 3\n", "")
    assert typed("wait") == (1, "", "wait: No child processes\n")


def test_run_starts_a_program_under_the_name_given(typed: Typed) -> None:
    status, out, err = typed("run a.out-dyn one 'two words'")
    assert (status, err) == (0, "")
    assert out.startswith("a.out-dyn runs as process 54  minflt ")
    task = typed.box.current
    assert (task.pid, task.ppid, task.comm, task.argv) == (54, 1, "a.out-dyn", ["a.out-dyn", "one", "two words"])
    assert typed("run nothing") == (1, "", "run: No such file or directory\n")
    assert typed.box.current is task


def test_exec_replaces_the_program(typed: Typed) -> None:
    status, out, _ = typed("exec sleep 100")
    assert status == 0
    assert out.startswith("process 53 is sleep now  minflt ")
    assert typed("exec nothing") == (1, "", "exec: No such file or directory\n")
    assert typed.box.current.comm == "sleep"


def test_as_lets_another_process_do_it(typed: Typed) -> None:
    typed("fork")
    assert typed("as 54 fork") == (0, "$2 = 55  minflt 1 majflt 0\n", "")
    assert typed.box.tasks[55].ppid == 54
    assert typed.box.current.pid == 53
    typed("as 55 _exit")
    assert typed("as 54 wait")[1].startswith("$3 = 55 ")
    assert typed.box.current.pid == 53


@pytest.mark.parametrize(
    ("line", "status", "err"),
    [
        ("kill 99", 1, "kill: No such process\n"),
        ("switch 99", 1, "switch: No such process\n"),
        ("switch 2", 1, "switch: 2 (kthreadd) is a kernel thread: it has no user memory\n"),
        ("as 2 fork", 1, "as: 2 (kthreadd) is a kernel thread: it has no user memory\n"),
        ("kill -0 53", 0, ""),
        ("kill -9 1", 0, ""),
        ("kill -9 2", 0, ""),
    ],
)
def test_what_is_not_there_or_does_not_listen(typed: Typed, line: str, status: int, err: str) -> None:
    before = list(typed.box.tasks)
    assert typed(line) == (status, "", err)
    assert list(typed.box.tasks) == before


@pytest.mark.parametrize(
    "line", ["kill", "kill -FOO 53", "kill -65 53", "kill x", "kill -9", "switch x", "switch -1", "as 53"]
)
def test_usage(typed: Typed, line: str) -> None:
    assert typed(line)[0] == 2


def test_signals_by_name_and_number(typed: Typed) -> None:
    for line, code in (("kill -9 54", 9), ("kill -KILL 54", 9), ("kill -s SIGTERM 54", 15), ("kill 54", 15)):
        box = typed.box.copy()
        again = Typed(box)
        again("fork")
        assert again(line) == (0, "", "")
        assert again("wait")[1].endswith(f"killed by signal {code}\n")


def test_the_current_process_is_killed(typed: Typed) -> None:
    status, _, err = typed("kill $((50+3))")
    assert status == 0
    assert "process 53 (a.out) has ended; 1 (init) is current" in err
    assert 53 not in typed.box.tasks  # init has waited for it


def test_init_dies_and_the_kernel_panics(typed: Typed) -> None:
    typed("switch 1")
    _, _, err = typed("_exit 1")
    assert err.startswith("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n")
    for line in ("fork", "run a.out", "_exit", "wait", "kill 53", "switch 53", "exec a.out"):
        status, out, err = typed(line)
        assert (status, out) == (1, "")
        assert "the kernel has panicked" in err


def test_a_child_touches_its_program_as_recorded_however_often_one_switches(typed: Typed) -> None:
    """The recorded child (fork-cow.txt) has 284 kB of its text before its first operation, 412 kB after it."""

    def text() -> str:
        smaps = show(typed.box, f"/proc/{typed.box.current.pid}/smaps")
        return smaps[smaps.index("08049000-") :].splitlines()[4].split()[1]

    typed("mmap 0x100000; write $1 0x100000; fork; switch 54")
    assert text() == "284"
    assert typed("write $1 0x40000") == (0, "minflt 64 majflt 0  copy-on-write\n", "")
    assert text() == "412"
    typed("switch 53; switch 54")
    assert text() == "412"


def test_who_is_current_after_the_end_of_another_process(typed: Typed) -> None:
    typed("fork; switch 54")
    status, _, err = typed("as 53 read 16")
    assert status == 139
    assert err.startswith("Segmentation fault\nprocess 53 (a.out) has ended; 54 (a.out) is current (")
    assert typed.box.current.pid == 54
    assert typed("read 16")[2].startswith("Segmentation fault\nprocess 54 (a.out) has ended; 1 (init) is current (")


def test_a_path_runs_a_program() -> None:
    import io

    from memsh.cli import open_session

    out = io.StringIO()
    session = open_session(["--ram", "64M"], out, out)
    assert session.run("./a.out") == 0 == session.run("/bin/a.out one two")
    assert out.getvalue().startswith("a.out runs as process 54") and session.box.current.pid == 55
    assert session.run("./nosuch") != 0 and "No such file or directory" in out.getvalue()
    assert session.run("xyzzyq") == 127
