"""`memsh enter`, `box` and its socket: the host's own programs work on the box, and on nothing else."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from memsh.client import Box, Failed
from memsh.mount.filesystem import as_line
from memsh.shell.registry import REGISTRY
from tests.mount.mounting import Served, can_enter, can_mount, entered, missing, served

WAYS = ("unshare", "bwrap")


def entering(way: str) -> bool:
    return not missing(f"{way} that works", can_enter() and shutil.which(way) is not None)


@pytest.mark.parametrize("way", WAYS)
def test_bash_drives_the_box(way: str, tmp_path: Path) -> None:
    if not entering(way):
        return
    script = """
        p=$(malloc 200k); box touch $p 64k; echo "$p $?"
        echo 3 > /proc/sys/vm/drop_caches; awk '/^drop_slab/ {print $2}' /proc/vmstat
        cat <(grep -c . /proc/buddyinfo) | tr -d '\\n'; echo
        box "malloc 100; malloc 100" 2>/dev/null | wc -l
        echo 1 2 | box -i wc -w
        box nosuch 2>/dev/null; echo $?
        box kfree 5 2>&1; echo $?
        echo x > /etc/memsh-was-here; echo x > /tmp/memsh-was-here && cat /tmp/memsh-was-here
        mount -o remount,bind,rw / 2>/dev/null; umount -l /proc 2>/dev/null; touch /etc/memsh-was-here 2>/dev/null
        kill -0 53 2>/dev/null; echo $?
        readlink /proc/self; echo data > inside || echo no
        exit 7
    """
    done = entered(script, "--ram", "128M", "--write", str(tmp_path), env={"MEMSH_ENTER_BY": way}, cwd=str(tmp_path))
    assert done.stdout.split("\n")[:-1] == [
        "0xb7fc7010 0", "1", "2", "2", "2", "127", "kfree: Invalid argument", "1", "x", "1", "53",
    ], done.stderr  # fmt: skip
    assert done.returncode == 7
    assert "minflt 1 majflt 0" in done.stderr and "/etc/memsh-was-here: Read-only file system" in done.stderr
    assert (tmp_path / "inside").read_text() == "data\n"
    assert not Path("/tmp/memsh-was-here").exists() and not Path("/etc/memsh-was-here").exists()


def test_the_box_lives_as_long_as_its_last_program(tmp_path: Path) -> None:
    if not entering("unshare"):
        return
    kept = tmp_path / "kept.memsh"
    begun = time.monotonic()
    done = entered("malloc 200k; (sleep 1; echo 30 > /proc/sys/vm/swappiness; echo late) & exit 0", "--save", str(kept))
    assert done.stdout.endswith("late\n") and time.monotonic() - begun >= 1
    lines = kept.read_text().splitlines()
    assert lines[-2:] == ["malloc 200k", "echo 30 > /proc/sys/vm/swappiness"]


def test_what_cannot_be_written_or_found(tmp_path: Path) -> None:
    if not entering("unshare"):
        return
    done = entered("echo x > here; box save /tmp/x.memsh; box 'source /etc/passwd'", cwd=str(tmp_path))
    assert "here: Read-only file system" in done.stderr or not (tmp_path / "here").exists()
    assert "host" in done.stderr and not (tmp_path / "here").exists()
    command = [*__import__("tests.mount.mounting", fromlist=["MEMSH"]).MEMSH, "enter", "--", "no-such-program"]
    missing_program = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert missing_program.returncode == 127 and "no-such-program" in missing_program.stderr


def test_python_drives_the_box(tmp_path: Path) -> None:
    if not entering("unshare"):
        return
    script = tmp_path / "leak.py"
    script.write_text("from memsh.client import Box\nb = Box()\nprint(hex(b.malloc('200k')), b.fork())\n")
    done = entered(f"box --python {script}", "--write", str(tmp_path))
    assert done.stdout == "0xb7fc7010 54\n", done.stderr


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served | None]:
    if missing("fuse", can_mount()):
        yield None
        return
    with served(tmp_path_factory.mktemp("mount") / "box", "--ram", "64M") as found:
        yield found


def test_the_socket_takes_what_it_is_given(box: Served | None) -> None:
    if box is None:
        return

    def say(data: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(box.socket)
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: stream.recv(65536), b""))

    assert say(b"") == say(b"\0\0") == say(b"\0\0\0\5xx") == b""
    for data in (b"{", b"[]", b'{"words": []}', b'{"words": [1]}', b"\xff", b'{"line": 3}', b"null"):
        answer = json.loads(say(len(data).to_bytes(4, "big") + data)[4:])
        assert answer["status"] == 2 and answer["stderr"].startswith("memsh: not a request"), data
    assert json.loads(say(b"\xff\xff\xff\xff")[4:])["status"] == 2
    assert Path(box.socket).stat().st_mode & 0o777 == 0o600 and Path(box.socket).parent.stat().st_mode & 0o777 == 0o700


def test_a_command_takes_ten_milliseconds_at_most(box: Served | None) -> None:
    if box is None:
        return
    with Box(box.socket) as client:
        client.run("malloc 100")
        begun = time.perf_counter()
        for _ in range(50):
            client.malloc(100)
        assert (time.perf_counter() - begun) / 50 < 0.01


def test_a_prompt_is_no_place_for_clients(box: Served | None) -> None:
    if box is None:
        return
    for line in ("echo x |! cat", "save /tmp/memsh-x", "procdump /tmp/memsh-x", "source /etc/passwd"):
        status, out, err = box.run(line)
        assert status and not out and err, line
    assert box.run("! true")[:2] == (1, "")  # bash's negation: the host's bash is a person's prompt's alone
    assert box.run("exit 3")[0] == 3 and box.run("true")[0] == 0
    assert not Path("/tmp/memsh-x").exists()


def test_a_box_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MEMSH_SOCKET", raising=False)
    with Box(ram="64M") as own:
        place = own.malloc("200k")
        own.touch(place, "64k")
        assert own.run("grep VmRSS /proc/self/status").stdout == "VmRSS:\t    1104 kB\n"
        own.write_file("/proc/sys/vm/swappiness", "5\n")
        assert own.cat("/proc/sys/vm/swappiness") == "5\n"
        with pytest.raises(Failed, match="Invalid argument") as caught:
            own.kfree(5)
        assert caught.value.status == 1
        block = own.alloc_pages(2)
        own.free_pages(block, 2)
        own.kill(own.fork(), "KILL")
        own.munmap(own.mmap("1M"), "1M")
        own.vfree(own.vmalloc("64k"))
        own.text("save", str(tmp_path / "kept.memsh"))
        assert "alloc_pages 2 GFP_KERNEL" in (tmp_path / "kept.memsh").read_text()
        assert "ok" in own.check()


def test_each_method_of_the_client_is_a_command() -> None:
    from memsh import commands

    commands.load()
    own = {"close", "run", "text", "value", "write_file"}
    names = {name for name in vars(Box) if not name.startswith("_")} - own
    assert names <= set(REGISTRY.commands) | {"undo"}


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"3\n", "echo 3 > /proc/x"), (b"3", "printf '3' > /proc/x"), (b"a b\n", "echo 'a b' > /proc/x"),
        (b"50%\\\n", "printf '50%%\\134\\012' > /proc/x"), (b"\xff\0'", "printf '\\377\\000\\047' > /proc/x"),
        (b"-n\n", "printf '-n\\012' > /proc/x"), (b"a\nb\n", "printf 'a\\012b\\012' > /proc/x"),
    ],
)  # fmt: skip
def test_a_write_told_as_a_line(data: bytes, line: str) -> None:
    assert as_line("/proc/x", data) == line


def test_a_client_that_goes_away_ends_its_line(box: Served | None) -> None:
    if box is None:
        return
    for line in ("while true; do kmalloc 64 > /dev/null; done", "yes > /dev/null", "while true; do true; done"):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(box.socket)
            data = json.dumps({"line": line}).encode()
            stream.sendall(len(data).to_bytes(4, "big") + data)
            time.sleep(0.3)
            assert (box.proc / "meminfo").read_text()
        begun = time.monotonic()
        (box.proc / "sys/vm/swappiness").write_text("60\n")
        assert box.run("echo there")[1] == "there\n" and time.monotonic() - begun < 3, line
    assert box.run("check")[0] == 0
