"""How hypothesis looks for examples: never by the clock, since a test machine may be busy.

In CI the same ones every time, so that a change is judged by what it changed; anywhere else new ones, which is where
new faults are found.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "memsh", deadline=None, derandomize="CI_RUN" in os.environ, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("memsh")
