"""A test that the machine cannot run is left out with its remedy, or fails where all is required."""

from __future__ import annotations

import pytest

from tests import conftest
from tests.conftest import Need

pytest_plugins = ("pytester",)

# The inner run needs none of the outer one's plugins.
OPTIONS = ("-p", "no:cacheprovider", "-p", "no:asyncio")
SUITE = """
import pytest

@pytest.mark.needs("unicorn")
def test_one():
    pass

def test_two():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a suite of which one test needs what no machine has."""
    monkeypatch.setitem(conftest.NEEDS, "unicorn", Need(lambda: False, "install it: apt-get install unicorn"))
    monkeypatch.delenv("REQUIRE_ALL", raising=False)
    pytester.makeconftest(
        "from tests.conftest import pytest_configure, pytest_runtest_setup, pytest_terminal_summary"
    )
    pytester.makepyfile(SUITE)
    return pytester


def test_missing_program_skips_with_its_remedy(suite: pytest.Pytester) -> None:
    """What is missing is counted at the end, with what would bring it back."""
    result = suite.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["1 x needs unicorn; install it: apt-get install unicorn"])


def test_missing_program_fails_where_all_is_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under REQUIRE_ALL=1 nothing is left out quietly."""
    monkeypatch.setenv("REQUIRE_ALL", "1")
    result = suite.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*REQUIRE_ALL=1 and the test needs unicorn*"])
