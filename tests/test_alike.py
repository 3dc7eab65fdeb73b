"""What may have been meant: difflib's answer, whatever is left out before it is asked."""

import random
import string
from difflib import get_close_matches

from memsh.alike import alike
from memsh.shell.registry import REGISTRY


def test_no_name_is_left_out_that_difflib_would_give() -> None:
    rng, names = random.Random(5), REGISTRY.names()
    assert len(names) > 200
    for _ in range(150):
        word = list(rng.choice(names))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(word) + 1)
            word[at : at + rng.randrange(2)] = rng.choice(string.ascii_lowercase + "_-")
        typed = "".join(word)
        for most, cutoff in ((1, 0.6), (3, 0.6), (2, 0.8)):
            assert alike(typed, names, most, cutoff) == get_close_matches(typed, names, most, cutoff)


def test_empty_words_are_like_nothing() -> None:
    assert alike("", ["", "ab"]) == []
    assert alike("ab", [""]) == []
    assert alike("ab", []) == []
