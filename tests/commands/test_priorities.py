"""nice, renice and choom: what they set, and that a command's processes keep it."""

from tests.commands.typed import Typed


def test_what_a_command_starts_keeps_its_nice_value_and_its_adjustment(typed: Typed) -> None:
    typed("nice -n 5 run a.out; P=$(pgrep -n a.out)")
    assert typed("ps -p $P -o ni=; nice -n 3 nice").split() == ["5", "8"]
    assert typed("renice --relative -n 4 -p $P; renice 99 $P").endswith("old priority 9, new priority 19\n")
    typed("choom -n 300 run a.out; P=$(pgrep -n a.out)")
    assert typed("choom -p $P").endswith("current OOM score adjust value: 300\n")
    assert typed("choom -n -7 -p $P").endswith("changed from 300 to -7\n")
    assert typed("cat /proc/$P/oom_score_adj; check | head -1").startswith("-7\nok")


def test_what_cannot_be_set_is_refused(typed: Typed) -> None:
    assert typed("choom -n 2000 -p 1") == "choom: failed to set score adjust value: Invalid argument\n"
    assert typed("choom -p 999") == "choom: failed to read OOM score value: No such file or directory\n"
    assert typed("choom -n 5 nosuch") == "choom: failed to execute nosuch: No such file or directory\n"
    assert typed("renice 1 999") == "renice: failed to get priority for 999 (process ID): No such process\n"
    assert typed("cat /proc/1/oom_score_adj; nice") == "0\n0\n"
