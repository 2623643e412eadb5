"""What commands say while they work: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from chatbot.commands.terminal import ProgressBar


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_bar_fills_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last state is whole and ends its line; no state is wider than the terminal."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    bar = ProgressBar("Asking")
    for done in range(1, 201):
        bar(done, 200)
    bar.close()
    states = sys.stderr.getvalue().split("\r\x1b[K")[1:]
    assert states[-1].endswith("\n")
    assert "100 % 200 of 200, in 0:00" in states[-1]
    assert "░" not in states[-1]
    assert max(len(state.rstrip("\n")) for state in states) <= 60


def test_bar_that_did_not_end_leaves_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said after an interruption begins a line of its own."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("chatbot.commands.terminal._REDRAWN_EVERY_S", 0)
    bar = ProgressBar("Asking")
    bar(1, 2)
    bar.close()
    assert sys.stderr.getvalue().endswith("left\n")


def test_elsewhere_a_quick_count_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A log is not filled with states: the end is said, and what lies between only where it takes long."""
    bar = ProgressBar("Asking")
    for done in range(1, 51):
        bar(done, 50)
    assert capsys.readouterr().err == "Asking: 50 of 50 (100 %)\n"


def test_elsewhere_a_slow_count_is_a_line_per_tenth(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every tenth takes its time each is said once."""
    monkeypatch.setattr("chatbot.commands.terminal._TOLD_EVERY_S", 0)
    bar = ProgressBar("Asking")
    for done in range(1, 51):
        bar(done, 50)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "Asking: 5 of 50 (10 %)"
