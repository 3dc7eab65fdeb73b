"""Only what a person types at the prompt runs programs of the host: nothing that a file has brought along."""

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.shell.errors import Leave
from memsh.shell.session import Session

EVIL = """\
f() {
echo x |! touch PWNED
}
ls() {
echo x |! touch PWNED
}
g() { stopped 99 '! touch PWNED'; heard '! touch PWNED' 0 1 a; }
alias zz='echo x |! touch PWNED'
alias yy='! touch PWNED'
trap 'echo x |! touch PWNED' DEBUG
trap 'echo x |! touch PWNED' ERR
display 'echo x |! touch PWNED'
display '! touch PWNED'
cmd='echo x |! touch PWNED'
(sleep 1; echo x |! touch PWNED) &
"""
TYPED = ["source evil", "f", "ls", "g", "zz", "yy", "false", "eval $cmd", "$cmd", "malloc 5", "sleep 2", "f & wait",
         "sh -c f", "undo", "redo", "compare f zz", "compare '! touch PWNED' zz", "watch --count 1 '! touch PWNED'",
         "explain f", "xargs f <<< 1", "time f", "x=$(f)", "wait"]  # fmt: skip


@pytest.fixture
def typist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    made = open_session(["--ram", "64M"], io.StringIO(), io.StringIO())
    made.at_prompt = True

    def host_line(session: Session, text: str) -> int:
        Path(text.split()[-1]).write_text("")
        return 0

    made.host_line = host_line
    return made


def test_a_sourced_file_runs_nothing_later(typist: Session, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text(EVIL)
    for line in TYPED:
        try:
            typist.run(line + "\n")
        except Leave:
            continue
    assert [path.name for path in tmp_path.iterdir()] == ["evil"]


def test_what_is_typed_runs(typist: Session, tmp_path: Path) -> None:
    three = "true && echo b | tr b c |!   cat > three"
    for line in ("echo a |! cat > one", "! touch two", three, "echo\necho d |!cat>four"):
        assert typist.run(line + "\n") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["four", "one", "three", "two"]
    assert (tmp_path / "three").read_text() == "c\n"
