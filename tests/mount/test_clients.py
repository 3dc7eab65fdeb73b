"""Programs that know nothing of memsh read the box, and find the figures that memsh's own tools print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memsh.client import Box
from tests.mount.mounting import can_enter, entered, missing

WORK = "fork; fork; malloc 4M; p=$(malloc 3M); touch $p 3M; mkfile /data 8M; cat /data > /dev/null; echo 1 > /tmp/x"
QUIET = f"box '{WORK}' > /dev/null 2>&1; "
CUT = "@@@\n"


def there(*programs: str) -> bool:
    absent = [program for program in programs if shutil.which(program) is None]
    return not missing("a namespace", can_enter()) and not missing(" ".join(absent), not absent)


def compare(theirs: str, ours: str, options: tuple[str, ...] = ()) -> tuple[str, str]:
    """(what a program of the host prints, what memsh's own prints) of the same box."""
    done = entered(f"{QUIET}{theirs}; echo @@@; box {ours}", "--ram", "256M", "--swap", "64M", *options)
    first, _, second = done.stdout.partition(CUT)
    assert first and second, done.stderr
    return first, second


@pytest.mark.parametrize(
    "line",
    ["free", "free -h -w -l -t", "free -m", "vmstat", "vmstat -s", "vmstat -a -w", "vmstat -m", "slabtop -o",
     "slabtop -o -s c", "ps -eo pid,ppid,vsz,rss,min_flt,maj_flt,stat,comm", "ps -eFww", "pgrep -l a.out",
     "pmap 53", "uptime -p", "cat /proc/self/maps", "sysctl vm.swappiness vm.min_free_kbytes"],
)  # fmt: skip
def test_procps(line: str) -> None:
    tool = line.split()[0]
    if not there(tool):
        return
    if tool not in ("cat",) and "4.0.2" not in subprocess.run([tool, "-V"], capture_output=True, text=True).stdout:
        missing(f"{tool} of procps-ng 4.0.2", False)
        return
    theirs, ours = compare(line, line)
    if tool == "pmap":  # a 64-bit pmap pads its addresses to 16 digits
        theirs, ours = (re.sub(r"(?m)^0{8}(?=[0-9a-f]{8} )|(?<=total) +", "", text) for text in (theirs, ours))
    if line == "ps -eFww":
        theirs, ours = (re.sub(r"(?m) (?:\d\d:\d\d|[A-Z][a-z]{2}\d\d) ", " ", text) for text in (theirs, ours))
        # a 64-bit ps rounds the hundredths of a second otherwise than the box's 32-bit one: C may differ by one
        theirs, ours = (re.sub(r"(?m)^(\S+ +\d+ +\d+) +\d+", r"\1", text) for text in (theirs, ours))
    assert theirs.split("\n") == ours.split("\n")


def test_vmstat_sees_time_pass() -> None:
    if not there("vmstat"):
        return
    done = entered("vmstat 1 3 | tail -1; cat /proc/uptime", "--realtime")
    assert done.stdout.split()[16 - 2] == "100", done.stdout  # idle
    own = entered("cat /proc/uptime; sleep 2.5; cat /proc/uptime", "--realtime").stdout.split()
    assert 1.5 <= float(own[2]) - float(own[0]) <= 4


def test_what_box_leaves_in_the_background_goes_on() -> None:
    """As of any program that starts another one: the clock stands until somebody lets it pass."""
    if missing("a namespace", can_enter()):
        return
    done = entered(
        "box 'stress -q --cpu 1 -t 1000 &'; box 'sleep 3; jobs'; cut -d' ' -f1 /proc/uptime;"
        " box 'ps -C stress -o stat,time';"
        " x=$(box 'x=$(sleep 5 & echo a); echo $x'); echo $x; cut -d' ' -f1 /proc/uptime", "--ram", "64M",
    )  # fmt: skip
    job, before, *rows, told, after = done.stdout.splitlines()
    assert " ".join(job.split()) == "[1]+ Running stress -q --cpu 1 -t 1000 &", done.stderr
    assert float(before) < 20 and float(after) - float(before) == 5 and told == "a"  # $( … ) waits for its own
    assert [row.split()[0] for row in rows] == ["STAT", "S", "R"] and rows[2].split()[1] == "00:00:02"


def test_top_in_batch_mode() -> None:
    if not there("top"):
        return
    theirs, ours = compare("top -b -n 1 -w 100", "top -b -n 1 -w 100")

    def rows(text: str) -> list[str]:
        return [line.rstrip() for line in text.splitlines() if re.match(r"\s*\d+ root|MiB", line)]

    assert rows(theirs) == rows(ours) and len(rows(ours)) > 20


def test_pmap_extended() -> None:
    if not there("pmap"):
        return
    theirs, ours = compare("pmap -XX 53", "pmap -XX 53")
    assert theirs.splitlines()[-1].split() == ours.splitlines()[-1].split()
    assert len(theirs.splitlines()) == len(ours.splitlines())


def meminfo(text: str) -> dict[str, int]:
    return {row.split(":")[0]: int(row.split()[1]) for row in text.splitlines() if ":" in row}


def test_htop_on_a_terminal() -> None:
    if not there("htop"):
        return
    import os
    import pty
    import select
    import time

    import pyte

    pid, terminal = pty.fork()
    if not pid:
        os.environ.update(TERM="xterm", LC_ALL="C", COLUMNS="100", LINES="40")
        os.execv(sys.executable, [sys.executable, "-m", "memsh", "enter", "--ram", "256M", "--", "htop"])
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    screen = pyte.Screen(100, 40)
    stream = pyte.ByteStream(screen)
    end = time.monotonic() + 20
    try:
        while time.monotonic() < end and not any("a.out" in row for row in screen.display):
            if select.select([terminal], [], [], 0.2)[0]:
                stream.feed(os.read(terminal, 65536))
        shown = screen.display
        os.write(terminal, b"q")
        while True:
            try:
                if not os.read(terminal, 65536):
                    break
            except OSError:
                break
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    row = next(row for row in shown if "a.out" in row)
    with Box(ram="256M") as box:
        figures = box.text("ps", "-o", "pid,vsz,rss", "-p", "53").splitlines()[1].split()
        total = meminfo(box.cat("/proc/meminfo"))["MemTotal"]
    words = row.split()
    assert [words[0], words[4], words[5]] == figures, row
    assert any(f"{round(total / 1024)}M" in line for line in shown[:6]), "\n".join(shown[:6])


def test_sar() -> None:
    if not there("sar"):
        return
    done = entered(f"{QUIET}sar -r -B -W 1 1; box cat /proc/meminfo", "--ram", "256M", "--swap", "64M")
    head, _, info = done.stdout.partition("MemTotal:")
    figures = meminfo("MemTotal:" + info)
    rows = [line.split() for line in head.splitlines() if line.startswith("Average:")]
    names = next(row for row in rows if "kbmemfree" in row)
    values = dict(zip(names, rows[rows.index(names) + 1], strict=True))
    for name, field in (("kbmemfree", "MemFree"), ("kbavail", "MemAvailable"), ("kbbuffers", "Buffers"),
                        ("kbactive", "Active"), ("kbinact", "Inactive"), ("kbcached", "Cached")):  # fmt: skip
        assert int(values[name]) == figures[field], name


def test_prometheus_node_exporter() -> None:
    if not there("prometheus-node-exporter"):
        return
    collectors = "buddyinfo slabinfo zoneinfo meminfo vmstat processes"
    ask = "import sys, urllib.request as u; print(u.urlopen('http://127.0.0.1:19187/metrics').read().decode())"
    script = (
        f"{QUIET}prometheus-node-exporter --web.listen-address=127.0.0.1:19187 --collector.disable-defaults "
        + " ".join(f"--collector.{name}" for name in collectors.split())
        + f" 2> /tmp/err & pid=$!; for i in $(seq 50); do sleep 0.1; {sys.executable} -c \"{ask}\" "
        "2>/dev/null && break; done; kill $pid; echo @@@; box cat /proc/meminfo; echo @@@; box cat /proc/buddyinfo; "
        "echo @@@; box cat /proc/slabinfo"
    )
    text, info, buddy, slabs = entered(script, "--ram", "256M").stdout.split(CUT)
    metrics = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    for name in collectors.split():
        assert metrics[f'node_scrape_collector_success{{collector="{name}"}}'] == "1", name
    for field, kb in meminfo(info).items():
        name = f"node_memory_{re.sub('[()]', '_', field).rstrip('_')}_bytes"
        assert float(metrics[name]) == kb * 1024, name
    for row in buddy.splitlines():
        words = row.replace(",", "").split()
        for order, count in enumerate(words[4:]):
            key = f'node_buddyinfo_blocks{{node="0",size="{order}",zone="{words[3]}"}}'
            assert float(metrics[key]) == int(count)
    for row in slabs.splitlines()[2:]:
        slab = row.split()
        assert float(metrics[f'node_slabinfo_active_objects{{slab="{slab[0]}"}}']) == int(slab[1])


def test_glances() -> None:
    if not there("glances"):
        return
    done = entered(f"{QUIET}glances --stdout mem,memswap --stop-after 1 -t 1; box cat /proc/meminfo", "--ram", "256M",
                   "--swap", "64M")  # fmt: skip
    found = re.search(r"^mem: (\{.*\})$", done.stdout, re.M)
    assert found, done.stderr
    shown = json.loads(found[1].replace("'", '"'))
    figures = meminfo(done.stdout[done.stdout.index("MemTotal:") :])
    for name, field in (("total", "MemTotal"), ("available", "MemAvailable"), ("active", "Active"),
                        ("inactive", "Inactive"), ("buffers", "Buffers")):  # fmt: skip
        assert shown[name] == figures[field] * 1024, name


def test_smem() -> None:
    if not there("smem"):
        return
    done = entered(f"{QUIET}smem -H -c 'pid uss pss rss'; echo @@@; box cat /proc/53/smaps_rollup", "--ram", "256M")
    rows, _, text = done.stdout.partition(CUT)
    rollup = {row.split(":")[0]: int(row.split()[1]) for row in text.splitlines()[1:]}
    shown = next(row.split() for row in rows.splitlines() if row.split()[0] == "53")
    assert int(shown[3]) == rollup["Rss"] and abs(int(shown[2]) - rollup["Pss"]) <= 20
    assert int(shown[1]) == rollup["Private_Clean"] + rollup["Private_Dirty"]


def test_psutil(tmp_path: Path) -> None:
    if missing("a namespace", can_enter()):
        return
    script = tmp_path / "ask.py"
    script.write_text(
        "import json, psutil\np = psutil.Process(53)\n"
        "print(json.dumps([psutil.virtual_memory()._asdict(), psutil.pids(), p.memory_info()._asdict(), p.name(),"
        "p.num_threads(), p.memory_maps(grouped=False)[0].path, p.status()]))\n"
    )
    done = entered(f"{QUIET}{sys.executable} {script}; box cat /proc/meminfo; echo @@@; box cat /proc/53/statm",
                   "--write", str(tmp_path))  # fmt: skip
    first, _, rest = done.stdout.partition("\n")
    memory, pids, own, name, threads, _path, _status = json.loads(first)
    info, _, statm = rest.partition(CUT)
    assert memory["total"] == meminfo(info)["MemTotal"] * 1024
    assert memory["free"] == meminfo(info)["MemFree"] * 1024
    assert {1, 2, 53, 54, 55} <= set(pids) and name == "a.out" and threads == 1
    assert (own["vms"], own["rss"]) == tuple(int(word) * 4096 for word in statm.split()[:2])


def test_sysctl_writes() -> None:
    if not there("sysctl"):
        return
    done = entered("sysctl -w vm.min_free_kbytes=9999; box sysctl vm.min_free_kbytes; sysctl -w vm.swappiness=999")
    assert done.stdout == "vm.min_free_kbytes = 9999\n" * 2
    assert "Invalid argument" in done.stderr


def test_lsof() -> None:
    if not there("lsof"):
        return
    done = entered("lsof -F pcfn -p 53; echo @@@; box cat /proc/53/maps", "--ram", "64M")
    listed, _, maps = done.stdout.partition(CUT)
    lines = listed.splitlines()
    assert lines[:2] == ["p53", "ca.out"], done.stderr
    files = {line[1:]: lines[at + 1][1:].split(" (")[0] for at, line in enumerate(lines) if line[0] == "f"}
    assert (files["cwd"], files["rtd"], files["txt"]) == ("/", "/", "/bin/a.out")
    assert all(files[number] == "/dev/console" for number in "012")
    mapped = {line.split()[5] for line in maps.splitlines() if len(line.split()) > 5 and "/" in line.split()[5]}
    assert {files["txt"]} == mapped


def test_numactl_and_numastat() -> None:
    if not there("numactl", "numastat"):
        return
    done = entered("numastat 2>&1; echo @@@; box numastat 2>&1", "--ram", "64M")
    theirs, ours = done.stdout.split(CUT)
    assert theirs == ours
    sys_nodes = entered("ls /sys/devices/system/node", "--arch", "x86_64", "--ram", "2G", "--nodes", "1G:0,1G:")
    if sys_nodes.returncode == 0:
        done = entered("numactl -H; numastat -m; echo @@@; box numactl -H; box numastat -m", "--arch", "x86_64",
                       "--ram", "2G", "--nodes", "1G:0,1G:")  # fmt: skip
        theirs, ours = done.stdout.split(CUT)
        assert theirs == ours


def test_prometheus_node_exporter_and_pressure() -> None:
    """What only the 64-bit kernel has: nodes, pressure."""
    if not there("prometheus-node-exporter"):
        return
    ask = "import sys, urllib.request as u; print(u.urlopen('http://127.0.0.1:19188/metrics').read().decode())"
    script = (
        "box 'mkfile /data 8M; cat /data > /dev/null' > /dev/null; prometheus-node-exporter "
        "--web.listen-address=127.0.0.1:19188 --collector.disable-defaults --collector.pressure "
        f"--collector.meminfo_numa 2> /dev/null & pid=$!; for i in $(seq 50); do sleep 0.1; "
        f"{sys.executable} -c \"{ask}\" 2>/dev/null && break; done; "
        " kill $pid; echo @@@; box cat /proc/pressure/io; echo @@@; "
        "box cat /sys/devices/system/node/node1/meminfo"
    )
    done = entered(script, "--arch", "x86_64", "--ram", "2G", "--nodes", "1G:0,1G:")
    text, pressure, node = done.stdout.split(CUT)
    metrics = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    for name in ("pressure", "meminfo_numa"):
        assert metrics[f'node_scrape_collector_success{{collector="{name}"}}'] == "1", name
    total = int(pressure.split("total=")[1].split()[0])
    assert total and float(metrics["node_pressure_io_waiting_seconds_total"]) == total / 1e6
    free = next(int(row.split()[3]) for row in node.splitlines() if "MemFree" in row)
    assert float(metrics['node_memory_numa_MemFree{node="1"}']) == free * 1024


def test_the_64_bit_machine() -> None:
    if not there("ps", "free", "slabtop"):
        return
    for line in ("free -m", "vmstat -s", "slabtop -o", "ps -eo pid,vsz,rss,wchan:24,comm"):
        done = entered(f"{line}; echo @@@; box {line}", "--arch", "x86_64", "--ram", "1G")
        theirs, ours = done.stdout.split(CUT)
        assert theirs == ours, line


def test_sysctl_lists_them_all() -> None:
    if not there("sysctl"):
        return
    done = entered("sysctl -a 2>/dev/null; echo @@@; box sysctl -a 2>/dev/null", "--ram", "64M")
    theirs, ours = done.stdout.split(CUT)
    assert theirs == ours and theirs.count("\n") > 150


def test_ps_of_three_hundred_processes() -> None:
    if not there("ps"):
        return
    forks = "box 'for i in $(seq 273); do fork > /dev/null; done; switch 53'"
    counts = entered(f"{forks} > /dev/null 2>&1; ps -eF | wc -l; ls -d /proc/[0-9]* | wc -l").stdout.split()
    assert 300 < int(counts[0]) <= int(counts[1]) + 2  # ps itself and its heading; wc, ls may be among them
