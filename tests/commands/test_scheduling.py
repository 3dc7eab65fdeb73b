"""chrt and ionice: what they show and set, and what they refuse."""

from tests.commands.typed import Typed


def test_a_policy_is_kept_by_what_a_command_starts(typed: Typed) -> None:
    assert typed("chrt -p 1") == (
        "pid 1's current scheduling policy: SCHED_OTHER\npid 1's current scheduling priority: 0\n"
    )
    typed("chrt -i 0 run a.out; P=$(pgrep -n a.out)")
    assert typed("chrt -p $P").startswith(f"pid {typed('echo $P').strip()}'s current scheduling policy: SCHED_IDLE\n")
    assert typed("cut -d' ' -f18,40,41 /proc/$P/stat; chrt -p 1 | head -1") == (
        "20 0 5\npid 1's current scheduling policy: SCHED_OTHER\n"
    )
    assert typed("chrt -v -b -p 0 $P | tail -2 | head -1").endswith("new scheduling policy: SCHED_BATCH\n")


def test_classes_of_io_follow_from_nice_values(typed: Typed) -> None:
    assert typed("ionice; ionice -p 1 1") == "none: prio 0\n" * 3
    assert typed("ionice -u 0") == "realtime: prio 4\n"  # the best of all: that of the migration threads


def test_what_cannot_be_set_is_refused(typed: Typed) -> None:
    assert typed("chrt -f 200 true") == (
        "chrt: unsupported priority value for the policy: 200: see --max for valid range\n"
    )
    assert typed("chrt -f x true; chrt -f 50 true; chrt -p 99999; chrt -p x; chrt -d 0 true").splitlines() == [
        "chrt: invalid priority argument: 'x'", "chrt: failed to set pid 0's policy: Operation not permitted",
        "chrt: failed to get pid 99999's policy: No such process", "chrt: invalid PID argument: 'x'",
        "chrt: failed to set pid 0's policy: Invalid argument",
    ]  # fmt: skip
    assert typed("ionice -c idle true; ionice -c foo true; ionice -p 99999; ionice -c 2").splitlines() == [
        "ionice: ioprio_set failed: Operation not permitted", "ionice: unknown scheduling class: 'foo'",
        "ionice: ioprio_get failed: No such process", "ionice: bad usage",
        "Try 'ionice --help' for more information.",
    ]  # fmt: skip
