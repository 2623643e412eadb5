"""From one machine to several: a backup of a store in a file is restored into a database on a server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from chatbot import cli
from chatbot.settings import Settings
from chatbot.store.engine import Store
from tests.chatbot.log.rows import read_log, write_conversation
from tests.conftest import Clock

KEY = "0123456789abcdef" * 4


def test_backup_of_a_file_is_restored_into_a_server(
    settings: Settings,
    clock: Clock,
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Conversations and keys are there, published and verified; a second time it is refused."""
    monkeypatch.setattr("chatbot.commands.logs.configure_logging", lambda *_: None)
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    with closing(Store(settings.store_path, clock=clock)) as store:
        thread_id = write_conversation(store, clock())
    (settings.private_dir / "secret-key").write_text(KEY)
    saved = tmp_path / "saved"
    assert cli.main(["backup", str(saved)]) == 0

    replica = tmp_path / "replica"
    monkeypatch.setenv("DATA_DIR", str(replica))
    monkeypatch.setenv("STORE_URL", postgres_url)
    assert cli.main(["restore", str(saved)]) == 0
    assert "1 threads, 2 messages" in capsys.readouterr().out
    found = read_log(replica / "conversations.duckdb", "SELECT CAST(thread_id AS VARCHAR) FROM threads")
    assert found == [(thread_id,)]
    assert (replica / "private" / "secret-key").read_text() == KEY
    assert not (replica / "private" / "guichet.db").exists()
    assert not list((replica / "private").glob(".restore-*"))
    assert cli.main(["verify"]) == 0

    assert cli.main(["restore", str(saved)]) == 2
    assert cli.main(["backup", str(tmp_path / "another")]) == 2
    err = capsys.readouterr().err
    assert "not empty" in err and "pg_dump" in err
