"""Several hundred lines of text tools, each run by memsh and by the real gawk, GNU sed, grep, coreutils, findutils and
util-linux on the files of a recorded /proc: the text and the status must be the same. `lines/*.txt` holds the lines."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from memsh.commands.procdir import DirReader
from tests.paths import REFERENCE
from tests.shell.harness import run
from tests.textutils.boxed import PLAIN, boxed, real

TREE = REFERENCE / "captures" / "256M-1cpu" / "s2"
LINES = Path(__file__).parent / "lines"
AT_ONCE = 25
MAKES = {
    "awk": "GNU Awk", "sed": "GNU sed", "grep": "GNU grep", "sort": "GNU coreutils", "xargs": "GNU findutils",
    "column": "util-linux", "xxd": "xxd",
}  # fmt: skip


def lines_of(path: Path) -> list[str]:
    """A file's lines of shell; ⏎ stands for a newline inside one."""
    return [line.replace("⏎", "\n") for line in path.read_text(encoding="utf-8").splitlines() if line]


PARTS = [
    pytest.param(lines[at : at + AT_ONCE], id=f"{path.stem}-{at}")
    for path in sorted(LINES.glob("*.txt"))
    for lines in [lines_of(path)]
    for at in range(0, len(lines), AT_ONCE)
]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the recorded tree: what a line writes by mistake is not kept."""
    return Path(shutil.copytree(TREE, tmp_path_factory.mktemp("proc") / "tree"))


@pytest.mark.parametrize("name", MAKES)
def test_the_comparison_is_with_this_make(name: str) -> None:
    """What the lines below are compared with; .ci/run installs what is missing."""
    asked = subprocess.run([name, "--version"], capture_output=True, text=True, env=PLAIN, check=False)
    first = (asked.stdout + asked.stderr).partition("\n")[0]
    assert re.search(MAKES[name], first), f"{name} is {first or 'not there'}"


@pytest.mark.parametrize("lines", PARTS)
def test_as_the_real_programs(tree: Path, lines: list[str]) -> None:
    different = {}
    for line in lines:
        wanted, _, left = real(line, tree)
        out, err, status = run(line, reader=DirReader(tree))
        if (out, status) != (wanted, left):
            different[line] = {"memsh": (out, status, err), "real": (wanted, left)}
    assert not different


@pytest.mark.parametrize("line", [line for path in sorted((LINES / "made").glob("*.txt")) for line in lines_of(path)])
def test_as_the_real_programs_on_files_of_their_own(tmp_path: Path, line: str) -> None:
    """Lines that make their files first: text, words of complaint and status."""
    boxed("cd /; rm -rf /tmp/made; mkdir /tmp/made")
    assert boxed(line, cwd="/tmp/made") == real(line, tmp_path)
