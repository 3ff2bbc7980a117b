"""What several tests need: the shared bars, and paths of this project."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture
def shared_data():
    """The folder of real bars beside the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("absent: shared market data")
    return SHARED / "data"


@pytest.fixture
def shared_facts():
    """The folder of fact sheets beside the project."""
    if not (SHARED / "facts").is_dir():
        pytest.skip("absent: shared fact sheets")
    return SHARED / "facts"
