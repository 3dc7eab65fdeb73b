"""Lines that make, copy, move and link files, each run by memsh in a new directory of the box and by the real coreutils
and findutils in one of the host: text, errors and status must be the same. `lines/files.txt` holds the lines."""

from pathlib import Path

import pytest

from tests.textutils.boxed import boxed, real

LINES = (Path(__file__).parent / "lines" / "files.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", LINES)
def test_as_the_real_programs(tmp_path: Path, line: str) -> None:
    assert boxed(line, cwd=f"/tmp/line{LINES.index(line)}") == real(line, tmp_path)


def test_a_file_is_there_until_its_last_name_goes() -> None:
    dropped = "rm big; echo 3 > /proc/sys/vm/drop_caches; wc -c < l; rm l"
    out, err, status = boxed(f"mkfile big 1M; ln big l; du -k .; {dropped}; du -k .; check", cwd="/tmp/names")
    assert out.splitlines()[:3] == ["1028\t.", "1048576", "4\t."]
    assert (err, status) == ("", 0)
