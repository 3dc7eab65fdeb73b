"""The language beside the real bash: each case of cases/*.sh is run by both, text and status must be the same.

A case begins with `#### what it asks`. Files are made in an empty folder: bash's own, and /tmp/work of a box.
"""

import functools
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memsh.shell.errors import Leave
from memsh.shell.io import TextInput
from memsh.shell.script import run_script
from tests.booted import opened

CASES = Path(__file__).parent / "cases"
HELP = 'argv() { local a; printf "["; for a in "$@"; do printf "<%s>" "$a"; done; echo "]"; }\n'
BASH = shutil.which("bash")


def cases() -> Iterator[tuple[str, str]]:
    """(file and name, text) of every case."""
    for path in sorted(CASES.glob("*.sh")):
        for piece in path.read_text(encoding="utf-8").split("#### ")[1:]:
            name, _, text = piece.partition("\n")
            yield f"{path.stem}: {name}", text


@functools.lru_cache(1)
def bash_version() -> str:
    """What the comparisons are made with; "" where there is no bash."""
    if BASH is None:
        return ""
    asked = subprocess.run([BASH, "-c", "echo $BASH_VERSION"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def of_bash(text: str) -> tuple[str, int]:
    assert BASH is not None
    plain = {"PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder, "work")
        work.mkdir()
        script = Path(folder, "script")
        script.write_text(HELP + text, encoding="utf-8")
        ran = subprocess.run(
            [BASH, "--norc", str(script)], cwd=work, capture_output=True, stdin=subprocess.DEVNULL, env=plain,
            check=False, timeout=60,
        )  # fmt: skip
    status = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
    return ran.stdout.decode("utf-8", "surrogateescape"), status


def of_memsh(text: str) -> tuple[str, int]:
    out, err = io.StringIO(), io.StringIO()
    session = opened(out, err)
    session.stdin = TextInput("")
    session.run("mkdir -p /tmp/work; cd /tmp/work")
    try:
        status = run_script(session, HELP + text, "script")
    except Leave as leave:
        status = leave.status
    return out.getvalue(), status & 0xFF


@pytest.mark.parametrize(("name", "text"), list(cases()))
def test_as_bash(name: str, text: str) -> None:
    if not bash_version().startswith("5.2"):
        pytest.fail("there is no bash 5.2 here to compare with: install the packages that .ci/run names")
    assert of_memsh(text) == of_bash(text)


def test_the_cases_are_many_and_have_names() -> None:
    names = [name for name, _ in cases()]
    assert len(names) == len(set(names)) >= 480
