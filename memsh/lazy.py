"""Regular expressions that are compiled when they are first used: a start meets 170 of them, and asks a few."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Late:
    """Stands in for a re.Pattern: what it is asked for it asks the compiled one, and has at hand from then on."""

    def __init__(self, text: Any, flags: int) -> None:
        self._said = text, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._said), name)  # which re keeps
        if not name.startswith("_"):
            setattr(self, name, found)
        return found


def regular(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """re.compile(), at first use. For constants of modules; not to be given to functions of re."""
    return cast("re.Pattern[AnyStr]", _Late(text, flags))
