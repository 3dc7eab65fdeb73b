"""What procdump writes is read by programs of others: psutil, and procps where a mount name space can be made."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memsh.commands.procdump import MARKER, dump
from memsh.procps import free, pmap, ps, slabtop, vmstat
from memsh.procps.figures import memory
from memsh.procps.processes import processes
from memsh.procps.reader import FolderReader, ProcReader
from memsh.shell.errors import ShellError
from tests.paths import REFERENCE

RECORDED = REFERENCE / "captures" / "256M-1cpu" / "s2"
ASK = """
import json, sys, psutil
psutil.PROCFS_PATH = sys.argv[1]
memory, swap = psutil.virtual_memory(), psutil.swap_memory()
found = {"total": memory.total, "available": memory.available, "free": memory.free, "cached": memory.cached,
         "buffers": memory.buffers, "shared": memory.shared, "swap": swap.total, "processes": {}}
for pid in psutil.pids():
    one = psutil.Process(pid)
    info = one.memory_info()
    switches = one.num_ctx_switches().voluntary
    found["processes"][pid] = [one.name(), one.ppid(), info.rss, info.vms, one.cmdline(), switches]
print(json.dumps(found))
"""


def box_reader() -> ProcReader:
    """The /proc of a box that has just booted."""
    from memsh.commands.procdir import BoxReader
    from memsh.machines.box import Box
    from memsh.shell.io import Input
    from memsh.shell.session import Session

    return BoxReader(Session(Box(), stdin=Input()))


@pytest.fixture(scope="module", params=["recorded", "box"])
def reader(request: pytest.FixtureRequest) -> ProcReader:
    return FolderReader(RECORDED) if request.param == "recorded" else box_reader()


@pytest.fixture(scope="module")
def tree(reader: ProcReader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dump") / "proc"
    assert dump(reader, str(folder)) > 50
    return folder


def test_the_dump_is_the_text(reader: ProcReader, tree: Path) -> None:
    copy = FolderReader(tree)
    for path in ("/proc/meminfo", "/proc/buddyinfo", "/proc/1/smaps", "/proc/sys/vm/swappiness"):
        assert copy.read(path) == reader.read(path)
    assert [one.pid for one in processes(copy)] == [one.pid for one in processes(reader)]


def test_psutil_shows_the_same_figures(reader: ProcReader, tree: Path) -> None:
    answer = subprocess.run([sys.executable, "-c", ASK, str(tree)], capture_output=True, text=True, check=True)
    found = json.loads(answer.stdout)
    figures = memory(reader)
    assert found["total"] == figures.total * 1024
    assert found["available"] == figures.available * 1024
    assert found["free"] == figures.free * 1024
    assert found["cached"] == figures.cached * 1024
    assert found["buffers"] == figures.buffers * 1024
    assert found["shared"] == figures.shared * 1024
    assert found["swap"] == figures.swap_total * 1024
    assert len(found["processes"]) == len(processes(reader))
    for one in processes(reader):
        name, parent, resident, size, cmdline, switches = found["processes"][str(one.pid)]
        assert (name, parent) == (one.comm, one.stat["ppid"])
        assert (resident, size) == (one.statm[1] * 4096, one.statm[0] * 4096)
        assert " ".join(cmdline) == ("" if one.cmdline.startswith("[") else one.cmdline)
        assert switches == int(one.status["voluntary_ctxt_switches"])


def mounting() -> bool:
    """Whether this machine lets a mount name space be made."""
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-rm", "sh", "-c", "mount --bind /tmp /proc && test -e /proc"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def real(tree: Path, line: str) -> str:
    """What a program of the host prints with the tree over /proc; its own process is added, as its library wants it."""
    tool, _, rest = line.partition(" ")
    script = (
        f'mkdir "{tree}/$$" && cp -r "{tree}"/1/* "{tree}/$$/" && '
        f'sed -i "s/^\\(Tgid\\|Pid\\):.*/\\1:\t$$/" "{tree}/$$/status" && '
        f'mount --bind "{tree}" /proc && exec env LC_ALL=C TZ=UTC {shutil.which(tool)} {rest}'
    )
    return subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False).stdout


@pytest.fixture
def mountable(tree: Path, tmp_path: Path) -> Path:
    """A copy of the tree that a test may add to, with /proc/self."""
    copy = tmp_path / "proc"
    shutil.copytree(tree, copy)
    if not (copy / "self").exists():
        shutil.copytree(copy / "1", copy / "self")
    return copy


def usable(tool: str) -> bool:
    """The host's own tool of the release that is modelled here, and a way to show it the tree."""
    if shutil.which(tool) is None or not mounting():
        return False
    said = subprocess.run([tool, "-V"], capture_output=True, text=True, check=False).stdout
    return said.strip() == f"{tool} from procps-ng 4.0.2"


@pytest.mark.parametrize(
    "line",
    [
        "free",
        "free -h -w -l -t -v",
        "free -m",
        "vmstat",
        "vmstat -s",
        "vmstat -a -w",
        "vmstat -n -m",
        "slabtop -o",
        "slabtop -o -s c",
        "ps -p 1 -o pid,ppid,vsz,rss,min_flt,maj_flt,stat,comm",
        "ps v -p 1",
        "ps -p 1 -o pid,sz,size,pss",
    ],
)
def test_procps_prints_what_we_print(reader: ProcReader, tree: Path, mountable: Path, line: str) -> None:
    """With the real program where it can be run; without it the dump alone must give what the box gives."""
    tool, *argv = line.split()
    run = {"free": free.run, "vmstat": vmstat.run, "slabtop": slabtop.run, "ps": ps.run}[tool]
    ours = run(reader, argv)
    assert ours.stdout and not ours.stderr
    assert run(FolderReader(tree), argv) == ours
    if usable(tool):
        assert real(mountable, line) == ours.stdout


def test_real_pmap(reader: ProcReader, tree: Path, mountable: Path) -> None:
    """A 64-bit pmap pads its addresses to 16 digits; else the screens are the same."""
    ours = pmap.run(reader, ["-x", "1"]).stdout
    assert pmap.run(FolderReader(tree), ["-x", "1"]).stdout == ours
    if usable("pmap"):
        theirs = real(mountable, "pmap -x 1")
        narrow = re.sub(r"(?m)^0{8}(?=[0-9a-f]{8} )", "", theirs)
        assert [line.split() for line in narrow.splitlines() if line[0] != "-"] == [
            line.split() for line in ours.splitlines() if line[0] != "-"
        ]


def test_where_procdump_may_write(tmp_path: Path) -> None:
    reader = FolderReader(RECORDED)
    target = tmp_path / "new"
    count = dump(reader, str(target))
    (target / "66" / "comm").write_text("changed")
    assert dump(reader, str(target)) == count
    assert (target / "66" / "comm").read_text() == "busy\n"
    (target / "mine").write_text("x")
    with pytest.raises(ShellError, match="holds files that procdump did not write"):
        dump(reader, str(target))
    assert (target / "mine").read_text() == "x"

    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").write_text("x")
    with pytest.raises(ShellError, match="is not empty"):
        dump(reader, str(full))
    (full / MARKER).write_text("meminfo\nmine\n")
    with pytest.raises(ShellError, match="is not empty"):
        dump(reader, str(full))
    assert (full / "mine").read_text() == "x"


def test_procdump_follows_no_link(tmp_path: Path) -> None:
    reader = FolderReader(RECORDED)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "comm").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(outside)
    with pytest.raises(ShellError, match="symbolic link"):
        dump(reader, str(link))
    target = tmp_path / "dump"
    dump(reader, str(target))
    shutil.rmtree(target / "66")
    (target / "66").symlink_to(outside)
    with pytest.raises((ShellError, OSError)):
        dump(reader, str(target))
    assert (outside / "comm").read_text() == "mine"
    assert [path.name for path in outside.iterdir()] == ["comm"]
