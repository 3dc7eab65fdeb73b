"""The language at work: values, variables, pipes, loops, refusals that change nothing."""

import pytest

from tests.shell.harness import run, session, value_registry


def play(text: str) -> tuple[str, str, int]:
    made, out, err = session(value_registry())
    status = made.run(text)
    return out.getvalue(), err.getvalue(), status


def test_values_print_as_gdb_does_and_are_remembered() -> None:
    assert play("give 0x10; give 32; show $1 $2 $ $+4k ${1}x $?") == (
        "$1 = 0x10  said the test\n$2 = 0x20  said the test\n<0x10><0x20><0x20><0x20+4k><0x10x><0>\n", "", 0,
    )  # fmt: skip


def test_inside_a_substitution_the_value_is_bare_and_not_remembered() -> None:
    assert play('p=$(give 4096); show $p "$p+4k" $((p+1)); give $p') == (
        "<0x1000><0x1000+4k><4097>\n$1 = 0x1000  said the test\n", "", 0,
    )  # fmt: skip


@pytest.mark.parametrize("word", ["$1", "$nope", "$"])
def test_what_is_not_set_is_an_error(word: str) -> None:
    out, err, status = play(f"show {word}")
    assert (out, status) == ("", 1)
    assert err.startswith(f"show: {word} is not set")


def test_an_assignment_whose_command_failed_sets_nothing() -> None:
    out, err, status = play("p=1; p=$(fail); show $? $p")
    assert (out, err, status) == ("<1><1>\n", "fail: Cannot allocate memory\n", 0)


def test_a_command_with_a_refused_word_does_not_run() -> None:
    assert play("show a $(fail)") == ("", "fail: Cannot allocate memory\n", 1)


def test_every_name_is_looked_up_before_any_stage_runs() -> None:
    out, err, status = play("give 1 | nosuch; give 2")
    assert out == "$1 = 0x2  said the test\n"
    assert err == "nosuch: command not found (help lists what there is)\n"
    assert status == 0


def test_arguments_of_every_stage_are_converted_before_any_runs() -> None:
    out, err, _ = play("give 1 | give x")
    assert out == ""
    assert err.startswith("give: 'x' is not an address")


def test_usage_errors_have_status_2_and_unknown_commands_127() -> None:
    assert play("give")[2] == 2
    assert play("give 1 2")[2] == 2
    assert play("giv 1")[1:] == ("giv: command not found (did you mean give?)\n", 127)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("give(100)", "give 100"), ("p = give(100)", "p=$(give 100)"), ("void *p = give(100);", "p=$(give 100)"),
        ("show(4096, PROT_READ|PROT_WRITE);", "show 4096 'PROT_READ|PROT_WRITE'"),
        ("show 4k PROT_READ|PROT_WRITE", "show 4k 'PROT_READ|PROT_WRITE'"), ("p = give 3", "p=$(give 3)"),
        ("show 1 GFP_KERNEL&~__GFP_IO", "show 1 'GFP_KERNEL&~__GFP_IO'"),
    ],
)  # fmt: skip
def test_c_fingers_get_the_line_to_type(typed: str, answer: str) -> None:
    out, err, status = play(typed)
    assert out == ""
    assert answer in err
    assert status in (2, 127)


def test_the_language() -> None:
    text = """
    for i in 1 2 3; do
      if [ $i = 2 ]; then continue; fi
      echo n$i
    done
    i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i -eq 3 ] && break; done; echo $i
    until true; do echo never; done
    false || echo or; true && echo and; ! false && echo not
    (x=9; echo in $x); x=1; (x=2); echo $x; { echo a; echo b; } | wc -l
    echo "a  $x" 'b  $x' c\\ d
    words="p q"; for w in $words "$words"; do echo "[$w]"; done
    """
    assert run(text) == (
        "n1\nn3\n3\nor\nand\nnot\nin 9\n1\n2\na  1 b  $x c d\n[p]\n[q]\n[p q]\n", "", 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("yes | head -1", "y\n"), ("seq 1e9 | head -1", "1\n"), ("seq 100000 | tail -1", "100000\n"),
        ("yes | head -50000 | cat | wc -l", "50000\n"), ("while true; do echo x; done | head -2", "x\nx\n"),
        ("for i in 1 2; do yes | head -1; done | wc -l", "2\n"),
    ],
)  # fmt: skip
def test_pipes_stream(text: str, out: str) -> None:
    assert run(text) == (out, "", 0)


def test_what_grows_without_end_is_refused() -> None:
    assert run("x=$(yes); echo $?")[:2] == ("1\n", "yes: Argument list too long\n")
    assert run("x=0123456789abcdef; while x=$x$x; do true; done; echo done") == (
        "done\n", "memsh: Argument list too long\n", 0,
    )  # fmt: skip


def test_redirections_go_nowhere_and_both_streams_can_be_joined() -> None:
    assert run("echo a > /dev/null; nosuch 2>/dev/null; echo b >&2") == ("", "b\n", 0)
    assert run("{ echo a; echo b >&2; } 2>&1 | wc -l") == ("2\n", "", 0)


def test_a_bug_is_raised_under_pytest() -> None:
    registry = value_registry()

    from memsh.shell import command

    @command(registry=registry, needs_box=False)
    def broken(box: object, args: object, io: object) -> None:
        """divide by zero"""
        raise ZeroDivisionError

    made, _, _ = session(registry)
    with pytest.raises(ZeroDivisionError):
        made.run("broken")


def test_an_interrupt_ends_the_line_and_leaves_the_session_usable() -> None:
    made, out, err = session(value_registry())
    made.interrupted = True
    assert made.run("show a") == 130
    assert made.run("show b") == 0
    assert (out.getvalue(), err.getvalue()) == ("<b>\n", "memsh: interrupted\n")


def test_the_journal_holds_what_ran() -> None:
    made, _, _ = session(value_registry())
    made.run("give 1 # why\nshow $1; fail\n")
    assert made.journal == ["give 1 # why", "show $1; fail"]
