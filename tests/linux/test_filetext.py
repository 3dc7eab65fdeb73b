"""The readable files of the box's disk."""

from memsh.linux.config import MIB, Config
from memsh.linux.fs.filetext import ETC, LINE
from memsh.machines.box import Box


def test_files_hold_what_their_size_says() -> None:
    box = Box(Config(ram=64 * MIB))
    for path, text in ETC.items():
        file = box.fs.open(path)
        assert box.fs.read(file, 0, 1 << 20) == text.encode()
        box.fs.fput(file)


def test_a_log_is_lines_across_its_pages() -> None:
    box = Box(Config(ram=64 * MIB))
    for path in ("/var/log/syslog", "/usr/share/dict/words", "/var/log/messages.1"):
        file = box.fs.open(path)
        text = box.fs.read(file, 4096 - LINE, 2 * LINE)
        box.fs.fput(file)
        assert text.isascii() and text[LINE - 1 :: LINE] == b"\n\n" and text.count(b"\n") == 2
