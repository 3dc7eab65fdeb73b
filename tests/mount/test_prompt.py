"""A mount beside a prompt, and the host's bash at it: two terminals, one box."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.shell.lines import run_deed
from memsh.shell.turn import Turn
from tests.mount.mounting import can_enter, can_mount, missing
from tests.ui.person import Person


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Person | None]:
    if missing("fuse", can_mount()):
        yield None
        return
    one = Person(tmp_path, "--ram", "64M", "--mount", str(tmp_path / "box"))
    one.at_prompt()
    yield one
    one.child.close(force=True)


def test_two_terminals(shell: Person | None, tmp_path: Path) -> None:
    if shell is None:
        return
    swappiness = tmp_path / "box/proc/sys/vm/swappiness"
    shell.enter("sysctl -w vm.swappiness=7")
    shell.see("vm.swappiness = 7\n")
    assert swappiness.read_text() == "7\n"
    swappiness.write_text("8\n")
    shell.enter("sysctl vm.swappiness; undo")
    shell.see("vm.swappiness = 8\nundone")
    assert swappiness.read_text() == "7\n"

    shell.enter("for i in $(seq 100000); do kmalloc 64 > /dev/null; done")  # a long line: looking does not wait for it
    time.sleep(0.5)
    begun = time.monotonic()
    for _ in range(10):
        (tmp_path / "box/proc/slabinfo").read_text()
    assert time.monotonic() - begun < 5
    shell.type("\x03")
    shell.enter("watch -n 60 cat /proc/uptime")  # nor do writes wait for a live screen
    shell.see("Every 60")
    swappiness.write_text("9\n")
    shell.type("q")
    shell.enter("sysctl vm.swappiness; undo; sysctl vm.swappiness; exit")
    shell.see("vm.swappiness = 9\n")
    shell.until(lambda: not (tmp_path / "box/proc").exists())


def test_bash_at_the_prompt(shell: Person | None, tmp_path: Path) -> None:
    if shell is None or missing("a namespace", can_enter()):
        return
    shell.enter("! awk '/Normal/ {print $NF}' /proc/buddyinfo | tee x; cat <(echo sub)")
    shell.see("\nsub")
    free = (tmp_path / "x").read_text().strip()
    assert free.isdigit() and f"\n{free}\nsub" in shell.text
    shell.enter("! for i in 1 2; do sleep 1; [[ $i == 2 ]] && echo \"done $i\"; done")
    shell.see("\ndone 2")
    assert not any("…" in line for line in shell.lines)  # no moving line while the terminal is a program's
    shell.enter("! false")
    shell.enter("echo status $?")
    shell.see("status 1")
    shell.enter("! echo 44 > /proc/sys/vm/swappiness; [[ -e /etc/passwd ]] && echo x > /etc/passwd")
    shell.see("Read-only file system")
    shell.enter("cat /proc/sys/vm/swappiness; history 3")
    shell.see("44")
    shell.enter("undo")
    shell.see('"echo 44 > /proc/sys/vm/swappiness"')


def test_scripts_have_no_bash_of_the_host(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """There `!` negates, and the commands are the box's."""
    from memsh.cli import main

    monkeypatch.chdir(tmp_path)
    main(["--ram", "64M", "-c", "! lspci"])
    out, err = capsys.readouterr()
    assert not out and "lspci: command not found" in err
    assert main(["--ram", "64M", "-c", "! echo data | tee /tmp/x"]) == 1
    assert not any(tmp_path.iterdir()) and capsys.readouterr().out == "data\n"


def test_lines_take_turns_and_who_looks_need_not_wait() -> None:
    import io

    session = open_session(["--ram", "64M"], io.StringIO(), io.StringIO())
    turn = session.turn = Turn(session)
    looked: list[float] = []
    busy = threading.Event()

    def look() -> None:
        busy.wait()
        for _ in range(20):
            with turn.looking():
                looked.append(len(session.values))

    done: list[str] = []
    threads = [threading.Thread(target=look) for _ in range(5)]
    threads.append(threading.Thread(target=lambda: run_deed(session, "true", lambda: done.append("deed"))))
    for thread in threads:
        thread.start()
    busy.set()
    session.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kmalloc 64; done")
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert len(looked) == 100 and done == ["deed"]
    assert not turn.busy and not turn.owner and not turn.waiting
    with pytest.raises(InterruptedError), turn.line():
        worker = threading.Thread(target=lambda: None)
        worker.start()
        raise InterruptedError
    assert not turn.owner and sorted(session.journal)[-1] == "true"
