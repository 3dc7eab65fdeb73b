"""What can be typed: one file per family of commands."""

import pkgutil
from importlib import import_module


def load() -> None:
    """Import every module of this room, so that all its commands are declared."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
