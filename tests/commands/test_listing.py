"""ls on a box, in the words of the real ls on the same files; links; what makes and takes away names."""

import subprocess
from pathlib import Path

import pytest

from tests.textutils.boxed import boxed

SIZES = {"a": 3, "B2": 70000, "b10": 1, "c.txt": 0, "a much longer name": 12, "d.log": 5, "e.log": 9, "f1": 2, "f22": 2,
         ".hidden": 1, "g~": 4, "no-ext": 7, "x.tar.gz": 8}  # fmt: skip
FORMS = [
    "",
    "-a", "-A", "-1", "-C", "-C -w 40", "-C -w 20", "-x -w 40", "-m -w 30", "-C -w 0", "-F", "-p", "-Q", "-S", "-Sr",
    "-v", "-X", "-r", "-B", "-U -1 c.txt a -z", "--so", "--sort=foo", "--color=x", "--color=a", "--sort=w", "none a",
    "-go --time-style=+", "-goh --time-style=+%%", "-l -1 -go --time-style=+",
    "-d . sub", "-R", "-RF -w 30 -C", "sub c.txt", "-S --group-directories-first", "--sort=size", "--sort=ext", "-w x",
    "-goQ --time-style=+ c.txt f1", "sub/../a sub", "-Am -w 12", "--color=always a", "-gon --time-style=+ a B2",
]  # fmt: skip


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ls") / "work"
    (folder / "sub" / "deeper").mkdir(parents=True)
    for name, size in SIZES.items():
        (folder / name).write_bytes(b"\0" * size)
        (folder / name).chmod(0o644)
    (folder / "sub" / "inside").write_text("")
    for name in ("", "sub", "sub/deeper"):
        (folder / name).chmod(0o755)
    return folder


def on_box(line: str) -> tuple[str, str, int]:
    files = {f"/tmp/work/{name}": "\0" * size for name, size in SIZES.items()}
    files["/tmp/work/sub/inside"] = ""
    boxed("mkdir -p /tmp/work/sub/deeper", files)
    return boxed(line, cwd="/tmp/work")


@pytest.mark.parametrize("form", FORMS)
def test_as_the_real_ls(there: Path, form: str) -> None:
    line = f"ls {form}".strip()
    if "-go" in form and "sub" not in form:
        line += " a B2 c.txt .hidden x.tar.gz"  # a folder's size and links are its file system's
    real = subprocess.run(["bash", "-c", line], cwd=there, capture_output=True, text=True, check=False,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})  # fmt: skip
    assert on_box(line) == (real.stdout, real.stderr, real.returncode)


def test_the_long_form() -> None:
    """Links, owners, sizes and times in columns; the blocks of all before them; devices by their numbers."""
    on_box("true")
    out, err, status = boxed("ls -l -y", cwd="/tmp/work")
    assert (out, status) == ("", 2) and "invalid option -- 'y'" in err
    assert boxed("ls -l -Z", cwd="/tmp/work") == ("", "ls: --context: there is no SELinux here\n", 2)
    line = "ls -l | grep -e total -e ' a$' -e sub; ls -ld --full-time /proc/1/fd/0"
    out = boxed(line, cwd="/tmp/work")[0]
    assert [line.split()[:5] for line in out.splitlines()] == [
        ["total", "116"], ["-rw-r--r--", "1", "root", "root", "3"], ["drwxr-xr-x", "3", "root", "root", "4096"],
        ["lrwx------", "1", "root", "root", "64"],
    ]  # fmt: skip
    out = boxed("ls -l --time-style=+ /dev | grep -wE 'null|shm|vd.|zero' | sed 's/root//g'", cwd="/")[0]
    assert out.splitlines() == [
        "crw-rw-rw- 1     1,   3  null", "drwxrwxrwt 2         40  shm", "brw-rw---- 1   254,   0  vda",
        "brw-rw---- 1   254,  16  vdb", "crw-rw-rw- 1     1,   5  zero",
    ]  # fmt: skip
    assert boxed("ls -l /proc/self/exe | awk '{print $NF, NF}'")[0] == "/bin/a.out 11\n"


def test_what_was_just_made_is_not_of_the_future() -> None:
    for line in ("touch new", "mkfifo new", "mkdir new"):
        out, _, _ = boxed(f"rm -rf new; {line}; ls -ld --time-style=$'+old\n+today' new")
        assert out.split()[-2:] == ["+today", "new"], line
