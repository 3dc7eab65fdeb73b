"""Several hundred lines of text tools, each run by memsh and by the real gawk, GNU sed, grep, coreutils and findutils
on the files of a recorded /proc: the text and the status must be the same. `lines/TOOL.txt` holds the lines."""

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from memsh.commands.procdir import DirReader
from tests.paths import REFERENCE
from tests.shell.harness import run

TREE = REFERENCE / "captures" / "256M-1cpu" / "s2"
LINES = Path(__file__).parent / "lines"
PLAIN = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}


def lines_of(path: Path) -> list[str]:
    """A file's lines of shell; ⏎ stands for a newline inside one."""
    return [line.replace("⏎", "\n") for line in path.read_text(encoding="utf-8").splitlines() if line]


ALL = [(path.stem, line) for path in sorted(LINES.glob("*.txt")) for line in lines_of(path)]


@lru_cache(1)
def real_tools() -> dict[str, str]:
    """Name: first line of --version, of the tools whose make is GNU's (or whose output is set by no standard)."""
    found = {}
    for name in sorted({path.stem for path in LINES.glob("*.txt")}):
        asked = subprocess.run([name, "--version"], capture_output=True, text=True, env=PLAIN, check=False)
        first = (asked.stdout or asked.stderr).partition("\n")[0]
        if re.search("GNU|util-linux|procps|xxd", first):
            found[name] = first
    return found


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the recorded tree: what a line writes by mistake is not kept."""
    return Path(shutil.copytree(TREE, tmp_path_factory.mktemp("proc") / "tree"))


@pytest.mark.parametrize(("tool", "line"), ALL)
def test_as_the_real_program(tree: Path, tool: str, line: str) -> None:
    if tool not in real_tools():
        pytest.fail(f"this machine has no GNU {tool} to compare with: install the packages that .ci/run names")
    real = subprocess.run(
        ["bash", "-c", line], cwd=tree, capture_output=True, env=PLAIN, stdin=subprocess.DEVNULL, check=False
    )
    out, _, status = run(line, reader=DirReader(tree))
    assert (out, status) == (real.stdout.decode("utf-8", "surrogateescape"), real.returncode)
