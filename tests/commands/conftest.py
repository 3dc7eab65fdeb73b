"""What several files of typed lines begin with."""

from collections.abc import Iterator

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed


@pytest.fixture(params=("i386", "x86_64"))
def typed(request: pytest.FixtureRequest) -> Iterator[Typed]:
    """A box of each machine, whole at the end."""
    box = Typed("--arch", request.param, "--ram", "128M")
    yield box
    assert check(box.session.box) == []
