"""Where the recordings of the real machine lie."""

from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"
