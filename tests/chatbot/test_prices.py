"""What models cost stands in a file: edited while the service runs, refused where it is faulty."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from chatbot.errors import SettingsError
from chatbot.prices import Price, Prices, read_prices
from tests.conftest import ROOT

GOOD = "openai:small:\n  prompt: 0.5\n  completion: 2\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a price table."""
    path = tmp_path / "prices.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_cost_is_tokens_times_price(path: Path) -> None:
    """Prices are per million tokens; a model that is not there has no cost, the offline one costs nothing."""
    prices = Prices(path)
    assert prices.compute_cost("openai:small", 1_000_000, 500_000) == pytest.approx(1.5)
    assert prices.compute_cost("openai:small", 0, 0) == 0
    assert prices.compute_cost("openai:large", 10, 10) is None
    assert prices.compute_cost("offline", 1_000, 1_000) == 0


def test_no_file_is_no_price(tmp_path: Path) -> None:
    """Without a table every cost is unknown; one that appears is read."""
    path = tmp_path / "prices.yaml"
    prices = Prices(path)
    assert prices.compute_cost("openai:small", 1, 1) is None
    path.write_text(GOOD, encoding="utf-8")
    assert prices.compute_cost("openai:small", 2, 0) == pytest.approx(1e-6)


def test_change_is_taken_over(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new price holds from the next turn on; a faulty file leaves the old one and says so once."""
    prices = Prices(path)
    path.write_text(GOOD.replace("0.5", "0.25"), encoding="utf-8")
    assert prices.compute_cost("openai:small", 1_000_000, 0) == pytest.approx(0.25)
    path.write_text("openai:small: cheap, or so they say\n", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert prices.compute_cost("openai:small", 1_000_000, 0) == pytest.approx(0.25)
    assert len(caplog.records) == 1
    assert "line 1" in caplog.text


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("- openai:small\n", "line 1", "one model per key"),
        ("a: 3\n", "line 1, a", "prompt and completion"),
        ("a:\n  prompt: 1\n", "line 1, a", "completion is missing"),
        ("a:\n  prompt: 1\n  completion: free\n", "line 3, a, completion", "'free'"),
        ("a:\n  prompt: -1\n  completion: 2\n", "line 2, a, prompt", "'-1'"),
        ("a:\n  prompt: .inf\n  completion: 2\n", "line 2, a, prompt", "'.inf'"),
        ("a:\n  prompt: 1\n  completion: 2\n  cached: 3\n", "line 4, a, cached", "no such field"),
        (GOOD + GOOD, "line 4, openai:small", "priced twice"),
        ("a: {prompt: 1, prompt: 2, completion: 1}\n", "line 1, a, prompt", "given twice"),
        ("a: {prompt: [1], completion: 1}\n", "line 1, a, prompt", "=a list or a table: allowed"),
        ("? [a]\n: {prompt: 1, completion: 1}\n", "line 1", "name is a text"),
        ("a:\n\tprompt: 1\n", "line 2", "no YAML"),
        ("a: [1\n", "line 2", "no YAML"),
    ],
)
def test_faulty_file_is_refused_with_line_and_field(path: Path, text: str, line: str, field: str) -> None:
    """Who edits the table learns where the fault is and what is allowed."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        Prices(path)
    assert any(line in fault and field in fault for fault in caught.value.faults), caught.value.faults


def test_table_that_ships_is_whole() -> None:
    """The product's own table is read, and a completion never costs less than a prompt."""
    table = read_prices(ROOT / "data" / "prices.yaml")
    assert table["openai:gpt-4o-mini"] == Price(0.15, 0.6)
    assert all(price.completion >= price.prompt for price in table.values())
