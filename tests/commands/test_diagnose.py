"""diagnose and capture from the command line: files, folders, archives, packed logs, standard input, what is none."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from memsh.cli import main, open_session
from memsh.commands.diagnose import main as diagnose
from memsh.commands.elsewhere.capture import gather, write
from memsh.procps.reader import FolderReader

FAILED = """worker: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO), nodemask=(null)
Mem-Info:
active_anon:100 inactive_anon:200 isolated_anon:0
 active_file:300 inactive_file:400 isolated_file:0
 free:15000 free_pcp:10 free_cma:0
Node 0 Normal free:60000kB min:4000kB low:5000kB high:6000kB present:400000kB managed:390000kB mlocked:0kB
lowmem_reserve[]: 0 0 0
Node 0 Normal: 15000*4kB (UM) 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = 60000kB
"""
MEMINFO = (
    "MemTotal:       4000000 kB\nMemFree:         100000 kB\nMemAvailable:    150000 kB\nAnonPages:      3500000 kB\n"
)


def say(capsys: pytest.CaptureFixture[str], *words: str, as_json: bool = False) -> tuple[int, str, str]:
    status = diagnose(list(words), as_json)
    caught = capsys.readouterr()
    return status, caught.out, caught.err


def test_a_log_packed_or_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, packed = tmp_path / "kern.log", tmp_path / "kern.log.1.gz"
    plain.write_text(FAILED)
    packed.write_bytes(gzip.compress(FAILED.encode()))
    for path in (plain, packed):
        status, out, err = say(capsys, str(path))
        assert (status, err) == (0, "")
        assert "Normal has enough pages (15,000 pages free, needs more than 1,000) but no block of order 4" in out


def test_folders_and_archives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top = tmp_path / "sosreport-host7"
    (top / "proc" / "1").mkdir(parents=True)
    (top / "sos_commands" / "kernel").mkdir(parents=True)
    (top / "proc" / "meminfo").write_text(MEMINFO)
    (top / "proc" / "1" / "meminfo").write_text("nonsense")
    (top / "sos_commands" / "kernel" / "dmesg").write_text(FAILED)
    os.mkfifo(top / "proc" / "kmsg")
    (top / "proc" / "swaps").symlink_to("/etc/passwd")
    for suffix in ("gz", "xz"):
        with tarfile.open(tmp_path / f"sos.tar.{suffix}", f"w:{suffix}") as tar:  # type: ignore[call-overload]
            tar.add(top, "sosreport-host7")
    for path in (top, tmp_path / "sos.tar.gz", tmp_path / "sos.tar.xz", top / "proc"):
        status, out, _ = say(capsys, str(path))
        assert status == 0
        assert "processes' own pages 3.3 GiB (87 %)" in out
        assert ("no block of order 4" in out) == (path != top / "proc")


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(b"x" * 100000)[:50])
    (tmp_path / "empty").mkdir()
    for name in ("pipe", "bin", "cut.tar.gz", "empty", "missing"):
        status, out, err = say(capsys, str(tmp_path / name))
        assert (status, out) == (1, "")
        assert err.startswith("memsh: diagnose: ")
        assert len(err.splitlines()) == 1
    assert "it knows OOM reports" in say(capsys, str(tmp_path / "bin"))[2]


def test_names_never_reach_the_terminal_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text(FAILED.replace("worker", "wor\x1b[31m\x07\x9bker"))
    _, out, _ = say(capsys, str(tmp_path / "log"))
    assert not any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 for c in out)


def test_data_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text(FAILED)
    told = json.loads(say(capsys, str(tmp_path / "log"), as_json=True)[1])
    assert told["found"] == ["page allocation failure"]
    assert told["reports"][0]["verdict"]["cause"] == "fragmentation"
    assert told["reports"][0]["report"]["memory"]["zones"][0]["kb"]["free"] == 60000


def test_standard_input_and_the_shell() -> None:
    run = subprocess.run([sys.executable, "-m", "memsh", "diagnose"], input=FAILED, capture_output=True, text=True)
    assert run.returncode == 0
    assert run.stdout.startswith("found page allocation failure\n\nverdict:\n")
    out = io.StringIO()
    session = open_session(["--ram", "128M"], out, out)
    session.run(
        "cat /proc/buddyinfo /proc/zoneinfo | diagnose; diagnose /proc/meminfo; echo nothing | diagnose; echo $?"
    )
    assert "found buddyinfo, zoneinfo" in out.getvalue()
    assert "found meminfo" in out.getvalue()
    assert out.getvalue().endswith("free, slabtop and numastat)\n1\n")


def test_capture_keeps_names_to_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = tmp_path / "host" / "proc"
    (host / "7").mkdir(parents=True)
    (host / "meminfo").write_text(MEMINFO)
    (host / "7" / "status").write_text("Name:\tsecret (x)\nVmRSS:\t 12 kB\nVmSize:\t 99 kB\nVmSwap:\t 0 kB\n")
    (host / "7" / "stat").write_text("7 (secret (x)) S 1 7\n")
    texts = gather(FolderReader(host), names=False)
    assert not any("secret" in text for text in texts.values())
    assert texts["proc/7/stat"] == "7 (process) S 1 7\n"
    assert "secret" in gather(FolderReader(host), names=True)["proc/7/status"]
    write(str(tmp_path / "c.tar.gz"), texts, 1.0)
    assert say(capsys, str(tmp_path / "c.tar.gz"))[0] == 0
    with pytest.raises(FileExistsError):
        write(str(tmp_path / "c.tar.gz"), texts, 1.0)


@pytest.mark.parametrize("text", [
    "Node 0, zone   Normal " + "    1 " * 5000, "MemTotal: N kB\nMemFree: N kB\nMemAvailable: N kB\nSwapTotal: N kB\n",
    "slabinfo - version: 2.1\nkmalloc-64 N N N N N : tunables N 0 0 : slabdata N N 0\n",
    "[1.0] a.out invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER), order=N, oom_score_adj=0\n[1.0] Mem-Info:\n"
    "[1.0] active_anon:N inactive_anon:N\n[1.0] Out of memory: Killed process N (a.out) total-vm:NkB, anon-rss:NkB\n",
])  # fmt: skip
def test_figures_that_no_kernel_prints(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text"
    path.write_text(re.sub(r"N(?!o)", "9" * 400, text))
    assert main(["diagnose", str(path)]) in (0, 1)
    assert "bug in memsh" not in capsys.readouterr().err


def test_a_full_disk_leaves_no_half_capture(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(str(tmp_path / "none" / "c.tar"), {}, 1.0)
    for name in ("c.tar", "c.tar.gz", "c.tar.xz"):
        texts = {"proc/one": "".join(chr(33 + at * at % 89) * (at % 7) for at in range(9_000)), "proc/two": None}
        with pytest.raises(AttributeError):
            write(str(tmp_path / name), texts, 1.0)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_capture_of_this_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", str(tmp_path / "here.tar.gz")]) == 0
    assert "files in" in capsys.readouterr().out
    assert main(["capture", str(tmp_path / "here.tar.gz")]) == 1
    assert capsys.readouterr().err.endswith("File exists\n")
    status, out, _ = say(capsys, str(tmp_path / "here.tar.gz"))
    assert status == 0
    assert "available to new processes" in out
