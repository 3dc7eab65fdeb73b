"""The grammar: what is one command, what is incomplete, what is wrong and where."""

import pytest

from memsh.shell.errors import Incomplete, SyntaxFault
from memsh.shell.parse import parse
from memsh.shell.syntax import AndOr, For, Group, If, Pipeline, Series, Simple, While, Word
from tests.observing import calls


def only(text: str) -> object:
    lines = parse(text)
    assert len(lines) == 1
    return lines[0].program


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("echo hi", Simple), ("a | b", Pipeline), ("! a", Pipeline), ("a && b || c", AndOr), ("a; b", Series),
        ("a & b", Series), ("for x in 1 2; do a; done", For), ("while a; do b; done", While),
        ("until a\ndo\nb\ndone", While),
        ("if a; then b; elif c; then d; else e; fi", If), ("{ a; }", Group), ("(a; b)", Group),
    ],
)  # fmt: skip
def test_kinds(text: str, kind: type) -> None:
    assert type(only(text)) is kind


def test_words_quotes_and_comments() -> None:
    program = only("show a 'b c' \"d e\" f\\ g h#i # a comment")
    assert isinstance(program, Simple)
    words = ["".join(part[1] for part in word.parts) if isinstance(word, Word) else word for word in program.words]
    assert words == ["show", "a", "b c", "d e", "f g", "h#i"]


def test_redirections_and_assignments() -> None:
    program = only("x=1 y=2 cmd z=3 >out 2>&1 <in >>more")
    assert isinstance(program, Simple)
    assert [(assign.name, assign.value) for assign in program.assigns or []] == [("x", "1"), ("y", "2")]
    assert program.words == ["cmd", "z=3"]
    assert [(r.fd, r.op, r.target) for r in program.redirects or []] == [
        (1, ">", "out"), (2, ">&", "1"), (0, "<", "in"), (1, ">>", "more"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("echo 'abc", 6), ('echo "abc', 6), ("echo $(ls", 6), ("echo $((1+2", 6), ("a |", 3), ("a &&", 3),
        ("for x in 1 2", 1), ("for x in 1 2; do echo", 1), ("if a; then b", 1), ("{ a", 1), ("(a", 1), ("a \\", 3),
        ("cat <<EOF", 7), ("cat <<EOF\nx", 7), ("case x in", 1), ("case x in a) b", 1), ("f()", 1), ("[[ a", 1),
        ("echo ${x:-1", 6), ("echo `ls", 6), ("x=(a", 3), ("! ", 1), ("while a; do", 1),
    ],
)  # fmt: skip
def test_incomplete(text: str, column: int) -> None:
    with pytest.raises(Incomplete) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("malloc(100)", 1, 7), ("a ; ; b", 1, 5), ("| a", 1, 1), ("done", 1, 1), ("ok\na || || b", 2, 6),
        ("echo hi >", 1, 9), ("echo ${x!}", 1, 9), ("for 1 in a; do b; done", 1, 5), ("if a; b; fi", 1, 10),
        ("case x of a) b;; esac", 1, 8), ("[[ a b ]]", 1, 6), ("f() echo hi", 1, 5), ("{ }", 1, 3), ("( )", 1, 3),
        ("a; coproc", 1, 10), ("x=(a;b)", 1, 5), ("while a; done", 1, 10),
    ],
)  # fmt: skip
def test_syntax_errors_say_where(text: str, line: int, column: int) -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse(text)
    assert not isinstance(caught.value, Incomplete)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_lines_keep_their_number_and_text() -> None:
    lines = parse("# first\na 1\n\nfor x in 1\ndo\n  b\ndone\nc 'two\nlines'; d\n")
    assert [(line.number, line.text) for line in lines] == [
        (2, "a 1"), (4, "for x in 1\ndo\n  b\ndone"), (8, "c 'two\nlines'; d"),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["kmalloc {}", "kmalloc {} | cat", "for i in {}; do kmalloc $i; done"])
def test_a_parsed_line_takes_few_calls(line: str) -> None:
    parse(line)
    text = "\n".join(line.format(number) for number in range(500))
    assert calls(lambda: parse(text)) / 500 < 150  # a plain line takes 5, the loop 97
