"""The text tools of coreutils, grep, sed, gawk and util-linux: each a function of text in and text out.
Knows no kernel; what files there are, the session's files say."""

import pkgutil
from importlib import import_module


def load() -> None:
    """Import every module that declares tools. The languages' own folders are imported when one is used."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.ispkg):
        import_module(f"{__name__}.{module}")
