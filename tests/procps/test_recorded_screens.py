"""Every screen that procps printed on the recorded machines, printed again from the text of the same /proc."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from memsh.procps import free, pgrep, pmap, ps, slabtop, top, uptime, vmstat
from memsh.procps.reader import FolderReader, Result
from tests.paths import REFERENCE

MACHINES = sorted((REFERENCE / "captures").iterdir())
SCREENS = [path for machine in MACHINES for path in sorted((machine / "tools").iterdir()) if path.name != ".pids"]
CASES = [
    pytest.param(path, id=f"{path.parent.parent.name}-{path.name}")
    for path in SCREENS
    if path.name not in ("ps-l", "top", "uptime")
]
Tool = Callable[[FolderReader, list[str], int], Result]
TOOLS: dict[str, Tool] = {
    "free": free.run,
    "pgrep": pgrep.run,
    "pmap": pmap.run,
    "ps": ps.run,
    "slabtop": slabtop.run,
    "top": top.run,
    "uptime": uptime.run,
    "vmstat": vmstat.run,
}
WIDTH = {"ps": 131072, "top": 80}


def command(path: Path) -> list[str]:
    """The command line that made a screen, as the recordings' README tells."""
    pids = (path.parent / ".pids").read_text().strip()
    lines = {
        "free-h": "free -h -w -l",
        "free-kwltv": "free -k -w -l -t -v",
        "pgrep": "pgrep -l busy",
        "ps-mem": f"ps -p {pids} -o pid,ppid,vsz,rss,min_flt,maj_flt,stat,comm",
        "ps-aux": f"ps u -p {pids}",
        "ps-v": f"ps v -p {pids}",
        "ps-l": f"ps l -p {pids}",
        "ps-smap": f"ps -p {pids} -o pid,sz,size,trs,drs,pmem,pss,uss,rss,args",
        "top": f"top -b -n1 -w 100 -p {pids}",
        "vmstat-m": "vmstat -n -m",
    }
    if path.name in lines:
        return lines[path.name].split()
    tool, *rest = path.name.split("-")
    if tool == "slabtop":
        return ["slabtop", "-o", "-s", *rest]
    if tool == "pmap":
        return ["pmap", *(f"-{word}" for word in rest[:-1]), rest[-1]]
    return [tool, *(f"-{word}" for word in rest)]


def printed(path: Path) -> str:
    tool, *argv = command(path)
    result = TOOLS[tool](FolderReader(path.parent.parent / "s2"), argv, WIDTH.get(tool, 80))
    assert (result.stderr, result.status) == ("", 0)
    return result.stdout


def test_there_are_recorded_screens() -> None:
    assert len(SCREENS) == 82


@pytest.mark.parametrize("path", CASES)
def test_recorded_screen(path: Path) -> None:
    assert printed(path) == path.read_text()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_clock_is_the_only_difference(machine: Path) -> None:
    """The wall clock at the moment of the recording is not in the tree; everything else of top and uptime is."""
    clock = re.compile(r"\d\d:\d\d:\d\d")
    for name in ("top", "uptime"):
        path = machine / "tools" / name
        assert clock.sub("TIME", printed(path), count=1) == clock.sub("TIME", path.read_text(), count=1)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_wait_channel_is_the_only_difference(machine: Path) -> None:
    """/proc/PID/wchan is not in the trees: the column shows what ps shows then."""
    path = machine / "tools" / "ps-l"
    rows, recorded = printed(path).splitlines(), path.read_text().splitlines()
    assert rows[0] == recorded[0]
    assert [row[:41] + row[48:] for row in rows] == [row[:41] + row[48:] for row in recorded]
    assert {row[41:48] for row in rows[1:]} == {"?      "}
