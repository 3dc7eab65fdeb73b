"""Sessions on a copy of a box that was booted once: what is asked of many lines need not boot for each."""

from __future__ import annotations

from functools import cache
from io import StringIO
from typing import TextIO

import pytest

from memsh import cli
from memsh.linux.box import Box
from memsh.shell.session import Session


@cache
def booted(*machine: str) -> Box:
    box: Box = cli.open_session(list(machine), StringIO(), StringIO()).box
    return box


def opened(out: TextIO, err: TextIO, *others: str, machine: tuple[str, ...] = ("--ram", "64M")) -> Session:
    """A session as `memsh MACHINE OTHERS` opens it."""
    box = booted(*machine)
    with pytest.MonkeyPatch.context() as here:
        here.setattr(cli, "make_box", lambda options: box.copy())
        return cli.open_session([*machine, *others], out, err)
