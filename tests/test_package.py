"""The wheel and the sdist: built here, installed without a network, and run from where they are installed."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*words: str | Path, cwd: Path, **env: str) -> str:
    answer = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
        stdin=subprocess.DEVNULL, env={**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **env},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Alone in a folder; what it depends on comes from where the tests run."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    run("-m", "pip", "install", "--no-deps", "--target", folder, wheel, cwd=folder)
    return folder


def test_the_wheel_holds_the_package_whole_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    listed = subprocess.run(["git", "ls-files", "memsh"], cwd=ROOT, capture_output=True, text=True, check=False)
    if not listed.returncode:
        assert inside >= set(listed.stdout.split())
    assert all(name.startswith("memsh/") and "__pycache__" not in name for name in inside)


def test_the_sdist_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    run("-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "again", cwd=source)
    (again,) = (tmp_path / "again").glob("*.whl")
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--version"], "memsh "), (["--ram", "64M", "-c", "malloc 100k; head -1 /proc/meminfo"], "MemTotal:"),
        (["--ram", "64M", "-c", "man expect"], "expect"), (["lesson", "zones"], "memsh> "), (["lesson"], "article"),
        (["grade", "split"], "Task 1"), (["--arch", "x86_64", "--ram", "96M", "-c", "check"], "ok: "),
    ],
)  # fmt: skip
def test_it_runs_from_where_it_is_installed(installed: Path, tmp_path: Path, words: list[str], said: str) -> None:
    there = run("-c", "import memsh; print(memsh.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert there.startswith(str(installed))
    assert said in run("-m", "memsh", *words, cwd=tmp_path, PYTHONPATH=str(installed))
    assert said in run(installed / "bin" / "memsh", *words, cwd=tmp_path, PYTHONPATH=str(installed))
