"""A mounted box: what is read is what memsh shows, what is written reaches it, and nothing that goes wrong ends it."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memsh.mount import place
from memsh.shell.errors import ShellError
from tests.mount.mounting import MEMSH, Served, can_mount, missing, served, until

NOT_WHOLE = {"pagemap", "kpagecount", "kpageflags", "kcore", "mem", "kmsg", "trace_pipe"}  # by address or for ever


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served | None]:
    if missing("fuse", can_mount()):
        yield None
        return
    with served(tmp_path_factory.mktemp("mount") / "box", "--ram", "128M") as found:
        yield found


def test_every_file_reads_as_memsh_shows_it(box: Served | None) -> None:
    if box is None:
        return
    threads = {path for path in box.proc.glob("[0-9]*") if not (path / "cmdline").read_bytes()}
    threads.remove(box.proc / "2")  # one of the kernel's own is as good as fifty
    folders = [path for path in box.proc.iterdir() if path not in threads]
    found = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*"))]
    files = [path for path in sorted(found) if path.is_file() and not path.is_symlink()]
    assert len(files) > 300
    for path in files:
        if path.stat().st_mode & 0o400 and path.name not in NOT_WHOLE:
            name = "/" + str(path.relative_to(box.folder))
            status, out, err = box.run(f"cat '{name}'")
            try:
                assert path.read_bytes().decode("utf-8", "surrogateescape") == out, name
            except OSError as error:
                assert status and os.strerror(error.errno) in err, name


def test_what_ls_shows(box: Served | None) -> None:
    if box is None:
        return
    status = (box.proc / "meminfo").stat()
    assert (status.st_size, status.st_uid, status.st_nlink, oct(status.st_mode)) == (0, 0, 1, "0o100444")
    assert str((box.proc / "self").readlink()) == "53"
    assert (box.proc / "self" / "comm").read_text() == "a.out\n"
    assert (box.proc / "slabinfo").stat().st_mode & 0o777 == 0o600
    numbers = {path.stat().st_ino for path in box.proc.iterdir() if not path.is_symlink()}
    assert len(numbers) == sum(not path.is_symlink() for path in box.proc.iterdir())
    folders = sum(path.is_dir() and not path.is_symlink() for path in box.proc.iterdir())
    assert box.proc.stat().st_nlink == folders + 2
    assert not (box.proc / "99999").exists()


def test_writes_reach_the_box_and_are_refused_as_by_linux(box: Served | None) -> None:
    if box is None:
        return
    (box.proc / "sys/vm/swappiness").write_text("33\n")
    assert box.run("sysctl -n vm.swappiness")[1] == "33\n"
    for name, text, code in (
        ("sys/vm/swappiness", "999", errno.EINVAL), ("sys/vm/swappiness", "x", errno.EINVAL),
        ("sys/vm/drop_caches", "9\n", errno.EINVAL), ("slabinfo", "nonsense\n", errno.EINVAL),
        ("self/oom_score_adj", "2000", errno.EINVAL), ("meminfo", "x", errno.EIO), ("self/maps", "x", errno.EINVAL),
        ("sys/kernel/osrelease", "x", errno.EACCES), ("nothing", "x", errno.ENOENT), ("99999/comm", "x", errno.ENOENT),
    ):  # fmt: skip
        with pytest.raises(OSError) as caught, (box.proc / name).open("w") as file:
            file.write(text)
        assert caught.value.errno == code, name
    info = box.proc / "meminfo"
    for work in (lambda: (box.proc / "x").mkdir(), info.unlink, lambda: info.rename(box.proc / "y"),
                 lambda: (box.proc / "1/comm").chmod(0o777)):  # fmt: skip
        with pytest.raises(OSError) as caught:
            work()
        assert caught.value.errno in (errno.EPERM, errno.EACCES)
    assert "ok" in box.run("check")[1]


def test_what_cannot_be_read_can_be_opened(box: Served | None) -> None:
    """Who reads hears why, as of a kernel's file: programs take an error of read() for another than one of open()."""
    if box is None:
        return
    for name in ("sys/class/net/lo/carrier", "proc/2/smaps_rollup"):
        file = os.open(box.folder / name, os.O_RDONLY)
        try:
            with pytest.raises(OSError) as caught:
                os.read(file, 100)
        finally:
            os.close(file)
        assert caught.value.errno == (errno.EINVAL if name.startswith("sys") else errno.ESRCH)


def test_an_open_shows_one_moment(box: Served | None) -> None:
    if box is None:
        return
    with (box.proc / "slabinfo").open() as file:
        first = file.read(100)
        box.run("for i in 1 2 3 4 5 6 7 8 9; do kmalloc 64; kmalloc 4096; done")
        file.seek(0)
        assert file.read(100) == first
        rest = file.read()
    with (box.proc / "slabinfo").open() as file:
        assert file.read() != first + rest


def test_a_process_that_ends_while_its_file_is_open(box: Served | None) -> None:
    if box is None:
        return
    pid = box.run("as 1 fork")[1].split()[0]
    handle = os.open(box.proc / pid / "comm", os.O_RDWR)
    box.run(f"kill -9 {pid}; as 1 wait; as 1 wait")
    assert until(lambda: not (box.proc / pid).exists(), 2)
    with pytest.raises(OSError) as caught:
        os.write(handle, b"x")
    assert caught.value.errno == errno.ESRCH
    os.close(handle)


def test_many_at_once_and_in_small_pieces(box: Served | None) -> None:
    if box is None:
        return
    wanted = (box.proc / "zoneinfo").read_text()
    with ThreadPoolExecutor(50) as pool:
        texts = list(pool.map(lambda _: (box.proc / "zoneinfo").read_text(), range(1000)))
    assert set(texts) == {wanted}
    handle = os.open(box.proc / "meminfo", os.O_RDONLY)
    assert b"".join(iter(lambda: os.read(handle, 1), b"")) == (box.proc / "meminfo").read_bytes()
    assert os.pread(handle, 8, 3) == (box.proc / "meminfo").read_bytes()[3:11]
    assert os.pread(handle, 8, 1 << 40) == b""
    with contextlib.suppress(OSError, ValueError):
        mmap.mmap(handle, 4096, prot=mmap.PROT_READ).close()
    os.close(handle)
    with pytest.raises(OSError), (box.proc / "sys/vm/swappiness").open("wb", 0) as file:
        file.write(b"9" * (1 << 20))
    assert box.run("check")[0] == 0


def test_a_reader_of_the_tracepoints_waits_and_wakes(box: Served | None) -> None:
    pipe = None if box is None else box.sys / "kernel/tracing/trace_pipe"
    if box is None or pipe is None:
        return
    box.run("trace on")
    got: list[bytes] = []
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    assert reader.stdout is not None
    output = reader.stdout
    thread = threading.Thread(target=lambda: got.append(os.read(output.fileno(), 65536)))
    thread.start()
    time.sleep(0.5)
    assert not got
    box.run("kmalloc 64")
    thread.join(5)
    assert got and b"kmalloc: call_site" in got[0]
    reader.send_signal(signal.SIGINT)
    assert reader.wait(5) == -signal.SIGINT
    box.run("trace off")
    reader.stdout.close()


def test_an_idle_mount_uses_no_cpu(box: Served | None) -> None:
    if box is None:
        return

    def ticks() -> int:
        words = Path(f"/proc/{box.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])

    before = ticks()
    time.sleep(1.5)
    assert ticks() - before <= 1


def test_where_a_box_is_not_mounted(box: Served | None, tmp_path: Path) -> None:
    if box is None:
        return
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("x")
    for folder, said in (
        (full, "is not empty"), (full / "x", "Not a directory"), (box.folder, "another memsh"),
        (box.proc / "1", "inside the mount of a memsh"), (tmp_path / "a" / "b", "No such file"),
    ):  # fmt: skip
        done = subprocess.run([*MEMSH, "mount", str(folder)], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1, folder
    assert (box.proc / "meminfo").read_text()


def test_a_killed_memsh_leaves_no_mount(tmp_path: Path) -> None:
    if missing("fuse", can_mount()):
        return
    folder = tmp_path / "box"
    folder.mkdir()
    with served(folder, "--ram", "64M") as found:
        found.process.kill()
        found.process.wait()
        assert until(lambda: not os.path.ismount(folder))
    with served(folder, "--ram", "64M") as found:
        assert (folder / "proc/meminfo").exists()
        subprocess.run(["umount", str(folder)], check=False) if os.geteuid() == 0 else place.unmount(str(folder))
        assert found.process.wait(10) == 0
    assert not any(folder.iterdir())


def test_a_script_runs_first(tmp_path: Path) -> None:
    if missing("fuse", can_mount()):
        return
    script = tmp_path / "first.memsh"
    script.write_text("sysctl -w vm.swappiness=7\nfork\n")
    with served(tmp_path / "box", "--ram", "64M", str(script)) as found:
        assert (found.proc / "sys/vm/swappiness").read_text() == "7\n"
        assert (found.proc / "54/comm").read_text() == "a.out\n"
    assert not (tmp_path / "box").exists()


def test_the_folder_of_sockets_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert place.runtime_folder().stat().st_mode & 0o777 == 0o700
    (tmp_path / "memsh").chmod(0o755)
    with pytest.raises(ShellError, match="has mode 755"):
        place.runtime_folder()
    (tmp_path / "memsh").rmdir()
    (tmp_path / "memsh").symlink_to(tmp_path)
    with pytest.raises(ShellError, match="not a directory"):
        place.runtime_folder()
    if os.geteuid() == 0:
        (tmp_path / "memsh").unlink()
        (tmp_path / "memsh").mkdir(0o700)
        os.chown(tmp_path / "memsh", 12345, 12345)
        with pytest.raises(ShellError, match="belongs to another"):
            place.runtime_folder()


def test_time_passes_with_realtime(tmp_path: Path) -> None:
    if missing("fuse", can_mount()):
        return
    with served(tmp_path / "box", "--ram", "64M", "--realtime") as found:
        begun = float((found.proc / "uptime").read_text().split()[0])
        assert until(lambda: float((found.proc / "uptime").read_text().split()[0]) > begun + 1.5)
        assert "sleep" in found.run("undo")[1]


def test_a_file_whose_making_fails(tmp_path: Path) -> None:
    if missing("fuse", can_mount()):
        return
    script = tmp_path / "serve.py"
    script.write_text(
        "import sys\nfrom memsh.procfs import buddyinfo, tree\nfrom memsh.procfs.node import ProcFile\n"
        "def broken(box):\n    raise ZeroDivisionError('by nought')\n"
        "tree.ROOT.fixed['proc'].fixed['buddyinfo'] = ProcFile(broken)\n"
        "from memsh.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    with served(tmp_path / "box", "--ram", "64M", command=[sys.executable, str(script)]) as found:
        for _ in range(2):
            with pytest.raises(OSError) as caught:
                (found.proc / "buddyinfo").read_text()
            assert caught.value.errno == errno.EIO
        assert (found.proc / "meminfo").read_text()
        found.process.terminate()
        assert found.process.stderr is not None
        lines = found.process.stderr.read().splitlines()
        assert lines == ["memsh: open /proc/buddyinfo: ZeroDivisionError: by nought"] * 2


def test_nobody_else_reads_it(box: Served | None, tmp_path: Path) -> None:
    if box is None or os.geteuid() != 0:
        return
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", str(box.proc / "meminfo")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode and not done.stdout and "Permission denied" in done.stderr
    other = Path("/run/memsh-test-other")
    with served(other, "--ram", "64M", "--allow-other") as found:
        command[-1] = str(found.proc / "meminfo")
        other.parent.chmod(other.parent.stat().st_mode | 0o005)
        assert "MemTotal" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_speed(box: Served | None) -> None:
    if box is None:
        return
    from memsh.cli import open_session
    from memsh.procfs import tree

    session = open_session(["--ram", "128M"], sys.stdout, sys.stderr)

    def best(work: object, times: int = 20) -> float:
        def once() -> float:
            begun = time.perf_counter()
            work()  # type: ignore[operator]
            return time.perf_counter() - begun

        return min(once() for _ in range(times))

    made = best(lambda: tree.show(session.box, "/proc/slabinfo"))
    read = best((box.proc / "slabinfo").read_bytes)
    assert read <= 1.5 * made + 0.002


def test_what_a_killed_memsh_left_is_cleaned_away(tmp_path: Path) -> None:
    """Without fusermount3's guard the mount stays, and says that nobody serves it."""
    if missing("fuse", can_mount()) or os.geteuid() != 0:
        return
    folder = tmp_path / "box"
    with served(folder, "--ram", "64M") as found:
        guards = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal() and
                  (path / "cmdline").read_bytes().startswith(b"fusermount3") and
                  str(folder).encode() in (path / "cmdline").read_bytes()]  # fmt: skip
        for guard in guards:
            os.kill(guard, signal.SIGKILL)
        found.process.kill()
        found.process.wait()
    with pytest.raises(OSError) as caught:
        folder.stat()
    assert caught.value.errno == errno.ENOTCONN
    process = subprocess.Popen([*MEMSH, "mount", str(folder), "--ram", "64M"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == f"memsh: {folder}: nobody served this mount any more; it is cleaned away\n"
    assert "the box is at" in process.stderr.readline()
    process.terminate()
    assert process.wait(10) == 0
    process.stderr.close()
    assert not os.path.ismount(folder)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing("fuse", can_mount()):
        return
    monkeypatch.setitem(sys.modules, "mfusepy", None)
    with pytest.raises(ShellError, match=r"pip install 'memsh\[mount\]'"):
        place.needs()
    monkeypatch.undo()
    monkeypatch.setattr(place, "LIBRARY", "libfuse-none.so")
    with pytest.raises(ShellError, match="apt install libfuse3-3"):
        place.needs()
    monkeypatch.undo()
    monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(ShellError, match="/dev/fuse: Permission denied"):
        place.needs()


def test_everybody_works_at_once(box: Served | None) -> None:
    if box is None:
        return
    over = threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not over.is_set():
            rows = (box.proc / "buddyinfo").read_text().splitlines()
            seen.append(len(rows))
            for path in box.proc.iterdir():
                if path.name.isdecimal():
                    with contextlib.suppress(OSError):
                        (path / "smaps_rollup").read_text()

    def write() -> None:
        for number in range(40):
            (box.proc / "sys/vm/swappiness").write_text(f"{number}\n")
            with contextlib.suppress(OSError):
                (box.proc / "sys/vm/drop_caches").write_text("3\n" if number % 2 else "x\n")

    lookers = [threading.Thread(target=look) for _ in range(4)]
    writers = [threading.Thread(target=write) for _ in range(3)]
    for thread in (*lookers, *writers):
        thread.start()
    for _ in range(30):
        assert box.run("p=$(fork); switch 53; as $p malloc 1M > /dev/null; kill -9 $p; wait")[0] == 0
    for thread in writers:
        thread.join(60)
    over.set()
    for thread in lookers:
        thread.join(60)
    assert set(seen) == {2} and box.run("check")[1].startswith("ok")
    assert box.run("undo")[0] == 0 and box.run("redo")[0] == 0 and box.run("check")[1].startswith("ok")
