"""The number of the line in which a place of a text lies, in whatever order it is asked for."""

import random

from memsh.shell.parse import parse
from memsh.shell.place import Place


def test_the_line_of_any_place_is_the_number_of_line_ends_before_it() -> None:
    rng = random.Random(3)
    text = "".join(rng.choice("ab\n") for _ in range(300))
    place = Place(text, 7)
    for _ in range(500):
        pos = rng.randrange(len(text) + 1)
        assert place.line_of(pos) == 7 + text.count("\n", 0, pos)


def test_lines_that_a_backslash_joins_count() -> None:
    text = "true\nec\\\nho a\nfor i in 1 2\ndo true\ndone\n\n# nothing\nfalse\necho $(true\n)\ntrue"
    assert [line.number for line in parse(text)] == [1, 2, 4, 9, 10, 12]


def test_what_an_alias_puts_in_moves_the_places_behind_it() -> None:
    place = Place("a\nb\nc\n")
    assert place.line_of(5) == 3
    place.text = "a\nx\ny\nz\nc\n"
    place.altered(2)
    assert place.line_of(8) == 5
    assert place.line_of(2) == 2
