"""Anything typed gives an answer or a line of error: only SyntaxFault leaves the parser, nothing the runner."""

from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.commands.procdir import DirReader
from memsh.shell.errors import Leave, SyntaxFault
from memsh.shell.parse import parse
from tests.paths import REFERENCE
from tests.shell.harness import run

TREE = REFERENCE / "boot-1g-1cpu"

PIECES = [
    "echo", "true", "false", "for", "in", "do", "done", "if", "then", "else", "elif", "fi", "while",
    "until", "!", "{", "}", "(", ")", "|", "||", "&&", "&", ";", "\n", " ", " ", " ", "$", "$1", "$x", "$(",
    "$((", "))", "${", "'", '"', "\\", "#",
    ">", ">>", "<", "2>&1", "/dev/null", "x=1", "=", "a", "1", "+", "-", "*", "?", "[", "]", "seq 3", "cat", "grep a",
    "head -1", "sed s/a/b/", "awk {print}", "sort -n", "cut -f1", "tr a b", "test 1 =", "printf %d", "xargs",
    "uniq -c",
    "wc", "break", "continue",
    "exit", "name p", "unset x", "0x10", "4k", "\0", "é", "~", "malloc(1)", "help", "`", "|!", "%s",
]  # fmt: skip
WORDS = st.lists(st.sampled_from(PIECES), max_size=12)
TEXT = WORDS.map("".join) | WORDS.map(" ".join)


@settings(max_examples=400, deadline=None)
@given(TEXT | st.text(max_size=30))
def test_the_parser_answers(text: str) -> None:
    try:
        parse(text)
    except SyntaxFault as fault:
        assert fault.message
        assert 1 <= fault.line <= text.count("\n") + 1
        assert fault.column >= 1


@settings(max_examples=150, deadline=None)
@given(TEXT.filter(lambda text: "while" not in text and "until" not in text))
def test_the_runner_answers(text: str) -> None:
    try:
        out, err, status = run(text, reader=DirReader(TREE))
    except Leave:
        return
    assert 0 <= status <= 255
    assert "Traceback" not in out + err
