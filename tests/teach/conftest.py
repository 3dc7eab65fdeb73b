"""A process that plays the sessions of thousands of tests may hold more memory than one session should."""

import pytest

from memsh.teach import journal


@pytest.fixture(autouse=True)
def memory_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints are kept, however much the tests before hold (when they are not: shell/test_out_of_memory)."""
    monkeypatch.setattr(journal, "short_of_memory", lambda: False)
