"""What can be typed: one file per family of commands."""

import pkgutil
from importlib import import_module

from memsh import textutils


def load() -> None:
    """Import every module of this room and the text tools', so that all commands are declared."""
    textutils.load()
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
