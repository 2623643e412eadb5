"""`codes`: a code is printed once, listed without itself, revoked at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from chatbot import cli
from chatbot.codes import CODE_LENGTH, fingerprint_code, is_code
from chatbot.settings import Settings
from chatbot.store import codes
from chatbot.store.engine import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a runner of `codes` in this process, on the test's own folder: exit code, stdout, stderr."""
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("TIMEZONE", "Europe/Paris")
    monkeypatch.setattr("chatbot.commands.logs.configure_logging", lambda *_: None)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(("codes", *arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_code_is_printed_once(run: Run, settings: Settings) -> None:
    """`add` prints the code alone on stdout; no other command gives it again, and the store knows its fingerprint."""
    code, out, err = run(
        "add", "--label", "spring", "--wave", "wave 1", "--expires", "2099-06-30", "--uses", "30"
    )
    secret = out.strip()
    assert code == 0
    assert is_code(secret, CODE_LENGTH)
    assert "shown this once" in err and "asks everyone" in err
    listed = run("list")[1] + run("list", "--json")[1]
    assert secret not in listed
    with closing(Store(settings.store_path)) as store:
        stored = store.read(codes.find_code, fingerprint_code(secret))
    assert stored is not None
    assert (stored.label, stored.wave, stored.max_uses) == ("spring", "wave 1", 30)
    # Good through the last day, in the team's time zone.
    assert stored.expires_at == datetime(2099, 6, 30, 22, tzinfo=UTC)


def test_codes_are_listed_with_their_state(run: Run) -> None:
    """`list` shows label, wave, state, uses and logins; `--json` is one document."""
    run("add", "--label", "spring", "--uses", "2")
    made = json.loads(run("add", "--label", "autumn", "--wave", "wave 2", "--json")[1])
    assert is_code(made.pop("code"), CODE_LENGTH)
    code, out, err = run("revoke", "spring")
    assert (code, out) == (0, "")
    assert "revoked" in err
    table = run("list")[1].splitlines()
    assert [line.split()[0] for line in table] == ["label", "spring", "autumn"]
    assert "revoked" in table[1] and "0/2" in table[1]
    assert "in force" in table[2] and "wave 2" in table[2]
    first, second = json.loads(run("list", "--json")[1])
    assert (first["label"], first["state"], first["logins"]) == ("spring", "revoked", 0)
    assert first["revoked_at"]
    assert second == made


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("add",), 2, "--label"),
        (("add", "--label", "spring", "--expires", "soon"), 2, "soon"),
        (("add", "--label", "a b"), 1, "'a b'"),
        (("add", "--label", "beta"), 1, "taken"),
        (("add", "--label", "spring", "--uses", "0"), 1, "0 uses"),
        (("add", "--label", "spring", "--expires", "2020-01-01"), 1, "past already"),
        (("revoke", "nobody"), 1, "no code nobody"),
        ((), 2, "ACTION"),
    ],
)
def test_wrong_calls_are_one_line(run: Run, arguments: tuple[str, ...], code: int, named: str) -> None:
    """Wrong usage is exit code 2, a value that is not allowed 1, named on stderr without a traceback."""
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert named in err
    assert "Traceback" not in err
    if code == 1:
        assert len(err.splitlines()) == 1


def test_codes_count_for_the_check_of_settings(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config --check` finds another host exposed until there is a password or a code."""
    monkeypatch.setenv("CHAT_HOST", "0.0.0.0")  # noqa: S104
    assert cli.main(["config", "--check"]) == 1
    assert "codes add" in capsys.readouterr().out
    run("add", "--label", "spring")
    cli.main(["config", "--check"])
    assert "CHAT_HOST" not in capsys.readouterr().out
