"""sysstat's own programs read the box, and print what memsh's pidstat, mpstat and iostat print; and what these say of
an interval, by a /proc that is known."""

import re
import shutil
from collections.abc import Iterator

import pytest

from memsh.procps.iostat import frames as iostat
from memsh.procps.mpstat import frames as mpstat
from memsh.procps.pidstat import frames as pidstat
from memsh.procps.reader import Frames, Pause
from tests.commands.typed import Typed
from tests.mount.mounting import can_enter, entered, missing

TASKS = """pidstat -G i.it -r
pidstat -urdwvRs -p 1,53
pidstat -h -urdwvRs -p 1,53
pidstat -h -t -ru -p 53
pidstat -T ALL -ru -p 1
pidstat -h -T ALL -ru -p 1
pidstat -U -r -p 1
pidstat -U root -r -p 1
pidstat -U nosuch -r -p 1
pidstat -H -r -p 1
pidstat -H -h -r -p 1
pidstat --human -r -p 53
pidstat --human -rd -p 53
pidstat --dec=0 -ru -p 53
pidstat --dec=1 -rud -p 53
pidstat -l -r -p 53
pidstat -C out -r
pidstat -I -u
pidstat -r
pidstat -w
pidstat -v
pidstat -s
pidstat -R
pidstat -d
pidstat -p 9999
pidstat -p x
pidstat -T FOO
pidstat -x
pidstat 0
pidstat -1
pidstat 1 0
pidstat -r 1 x
pidstat -T CHILD -d
pidstat -C
pidstat --dec=3
pidstat -V
pidstat -h --human -urdwvsR -p 1
pidstat --human -u -p 1
pidstat -u --dec=0 -h -p 1
pidstat -t -urdsvw
pidstat -r -p ALL
pidstat -u 0 5
pidstat -p 1 -p 53 -r
pidstat -p 53,1,x
pidstat -r -T
"""
MACHINE = """mpstat -P ALL
mpstat -P 1
mpstat -P 0-1,1
mpstat -P 5
mpstat -P x
mpstat -I SUM
mpstat -I SUM -P ALL
mpstat -I CPU
mpstat -I SCPU -P 1
mpstat -I SCPU -P ALL
mpstat -I ALL -P 1
mpstat -u -I SUM
mpstat -n
mpstat -N ALL
mpstat -N 0
mpstat -T
mpstat -T -P ALL
mpstat --dec=0 -P ALL
mpstat --dec=1 -I SUM -P ALL
mpstat -H
iostat
iostat -c
iostat -d vda
iostat -d vda nope
iostat -d nope
iostat -xd vdb
iostat -dx -s vdb
iostat -ds vdb
iostat -dk vdb
iostat -dm vdb
iostat -dh vdb
iostat --human -d vdb
iostat --human -dx vdb
iostat --human -c
iostat --pretty -d vdb
iostat --pretty -dx vdb
iostat --compact
iostat --dec=0 -x
iostat -z -d
iostat -p vdb -d
iostat -d ALL
iostat -t -c
iostat -N -d vdb
iostat -y -d vdb
iostat -x
iostat -H -g G vda vdb -d
iostat -g G vda vdb -d
iostat -g
iostat -x -h
iostat 0
mpstat -I SUM -P 1
mpstat -I CPU -P 1
iostat -d ram0
iostat -d vdb -p vda
iostat -p -d
iostat -dt vdb
iostat -y -d
iostat -d /dev/vdb
iostat -kc
iostat -km
iostat --human -c -m
iostat -sh
iostat -xsh vdb
iostat -xsm --dec=1 vdb
iostat -V
iostat --compact -x -d
iostat --compact -x -h -d
iostat --dec=5
mpstat -V
mpstat -I foo
iostat -xc
iostat -H -d
iostat -p ram0,vdb -d
iostat -d -g A vda -g B vdb ram1
iostat --compact -h
iostat -ch
iostat -xt vda
mpstat -A
mpstat -uT -I SUM -P 0,all
mpstat -N x
mpstat 1 0
mpstat 0 5
mpstat -P
iostat -d vdb -g G vda
iostat -d -p ALL vdb
"""


def told(text: str) -> list[str]:
    """A command's words, status and output, without what differs by right: the kernel's names, the time."""
    text = re.sub(r"Linux \S+ \(.*\) \t\S+ \t_\w+_", "Linux", text)
    stamp = r"(?m)^(\d\d:\d\d:\d\d|\d{10}|\d\d/\d\d/\d\d \d\d:\d\d:\d\d)"
    text = re.sub(stamp, lambda match: "T" * len(match[0]), text)
    return text.split("== ")


@pytest.mark.parametrize(("lines", "options"), [
    (TASKS, ("--ram", "128M")), (MACHINE, ("--arch", "x86_64", "--ram", "256M", "--cpus", "2")),
    ("mpstat -A\nmpstat -n\nmpstat -T\niostat\n", ()),
])  # fmt: skip
def test_as_the_real_programs(lines: str, options: tuple[str, ...]) -> None:
    absent = [name for name in ("pidstat", "mpstat", "iostat") if shutil.which(name) is None]
    if missing("a namespace", can_enter()) or missing(" ".join(absent), not absent):
        return
    each = [f"echo '== {line}'; {line} 2>&1; echo $?\n" for line in lines.splitlines()]
    theirs, typed = told(entered("".join(each), *options).stdout), Typed(*options)
    ours = told("".join(f"== {line}\n{typed(line)}{typed.status}\n" for line in lines.splitlines()))
    assert ours == theirs


class Passing:
    """A /proc whose files change with each pause. `texts`: of each file what it says at each time."""

    def __init__(self, texts: dict[str, list[str]]) -> None:
        self.texts, self.turn = texts, 0

    def read(self, path: str) -> str:
        said = self.texts.get(path.removeprefix("/proc/"), [""])
        text = said[min(self.turn, len(said) - 1)]
        if not text:
            raise FileNotFoundError(path)
        return text

    def listdir(self, path: str) -> list[str]:
        return sorted({name.split("/")[0] for name, said in self.texts.items()
                       if path == "/proc" and said[min(self.turn, len(said) - 1)]})  # fmt: skip

    def shown(self, frames: Frames) -> Iterator[str]:
        for item in frames:
            if isinstance(item, Pause):
                self.turn += 1
            else:
                yield from item.splitlines()


def _task(name: str, *figures: tuple[int, int, int] | None) -> dict[str, list[str]]:
    """minor faults, vsz in KiB, rss in pages at each time; None: it is not there."""
    tail = "0 0 0 20 0 1 0 0 {} {} " + "0 " * 18 + "0"
    stats = [f"1 ({name}) S 1 0 0 0 -1 0 {one[0]} 0 0 0 0 " + tail.format(one[1] << 10, one[2]) if one else ""
             for one in figures]  # fmt: skip
    status = "Uid:\t0\t0\t0\t0\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t0\n"
    return {"stat": stats, "status": [status if one else "" for one in figures]}


def test_an_interval_and_the_average_of_tasks() -> None:
    """Rates are by the whole interval for a task that is new in it, too; sizes are averaged over every reading after
    the first, told or not."""
    texts = {"uptime": ["10.00 1", "12.00 1", "13.00 1", "14.50 1"], "meminfo": ["MemTotal: 10000 kB\n"],
             "stat": ["cpu0 0 0 0 0\nbtime 0\n"]}  # fmt: skip
    for pid, figures in ((7, [(10, 100, 5), (20, 200, 10), (20, 200, 10), (50, 500, 25)]),
                         (9, [None, None, (8, 40, 2), (8, 40, 2)])):  # fmt: skip
        texts.update({f"{pid}/{name}": said for name, said in _task(f"t{pid}", *figures).items()})
    reader = Passing(texts)
    lines = list(reader.shown(pidstat(reader, ["-r", "1", "3"], {}, lambda text, case: None)))
    assert [line[17:] for line in lines if line[11:17].strip() in ("0", "UID")] == [
        "       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command",
        "         7      5.00      0.00     200      40   0.40  t7",
        "       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command",
        "         9      8.00      0.00      40       8   0.08  t9",
        "       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command",
        "         7     20.00      0.00     500     100   1.00  t7",
        "       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command",
        "         7      8.89      0.00     300      60   0.60  t7",
        "         9      1.78      0.00      40       8   0.08  t9",
    ]  # fmt: skip
    assert [line[:8] for line in lines[2:5]] == ["00:00:10", "00:00:12", ""] and lines[-1][:8] == "Average:"


def test_an_interval_of_disks_and_processors() -> None:
    disk = "254 0 vda {} 1 {} {} {} 0 {} {} 0 {} {} 0 0 0 0 0 0\n"
    texts = {
        "uptime": ["10.00 1", "12.00 1", "13.00 1"],
        "stat": ["cpu0 100 0 100 800 0 0 0 0 0 0\nintr 500\nbtime 0\n", "cpu0 150 0 150 850 50 0 0 0 0 0\nintr 700\n",
                 "cpu0 150 0 150 950 50 0 0 0 0 0\nintr 700\n"],
        "diskstats": [disk.format(10, 80, 5, 0, 0, 0, 5, 5), disk.format(14, 112, 13, 2, 64, 20, 105, 405),
                      disk.format(14, 112, 13, 2, 64, 20, 105, 405)],
        "meminfo": ["MemTotal: 10000 kB\n"],
    }  # fmt: skip
    reader = Passing(texts)
    lines = list(reader.shown(iostat(reader, ["1", "2", "-x"], {})))
    assert "          25.00    0.00   25.00   25.00    0.00   25.00" in lines
    figures = "2.00 8.00 0.00 0.00 2.00 4.00 1.00 16.00 0.00 0.00 10.00 16.00" + " 0.00" * 8 + " 0.20 5.00"
    assert [line.split()[1:] for line in lines if line.startswith("vda")][1] == figures.split()
    reader = Passing(texts)
    lines = list(reader.shown(mpstat(reader, ["-I", "SUM", "1", "2"], {})))
    assert [line.split()[-1] for line in lines[3:]] == ["100.00", "0.00", "66.67"]


def test_what_is_not_done_is_refused_by_name() -> None:
    typed = Typed()
    assert typed("pidstat -e true") == "pidstat: -e: no program is started here\n" and typed.status == 1
    assert typed("iostat -j ID vda") == "iostat: -j: not on this box\n"
    assert typed("mpstat -o JSON") == "mpstat: -o: JSON is not told here\n"
