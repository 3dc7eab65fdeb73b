"""Where the recordings of the real machines lie: i386, and x86_64."""

from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"
REFERENCE64 = Path(__file__).parent / "reference64"
