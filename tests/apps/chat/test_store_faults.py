"""What the chat service does about a store that fails at its start, or is taken away or damaged while it runs."""

from __future__ import annotations

import errno
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection

from apps.chat import main
from chatbot.errors import StorageFull
from chatbot.store import threads
from chatbot.store.engine import Store
from tests.apps.chat.conftest import PASSWORD, Serve, wait_for
from tests.apps.chat.test_crash import Process
from tests.conftest import MakeSettings
from tests.openai_server import OpenAIServer


def test_service_starts_on_a_full_disk(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored can be read at once; what a crash cut off is given up once something can be written again."""
    recover = main.leases.recover_turns
    tries = []

    def fail_once(connection: Connection, *args: object, **kwargs: object) -> list[str]:
        tries.append(kwargs)
        if len(tries) == 1:
            raise StorageFull("The disk is full.")
        return recover(connection, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(main.leases, "recover_turns", fail_once)
    monkeypatch.setattr(main, "RECOVERY_PAUSE_S", 0.05)
    service = serve()
    assert service.client().get("/health/ready").status_code == 200
    wait_for(lambda: len(tries) > 1)
    # Its own turns are not those of a dead one.
    assert "dead_owners" not in tries[1]
    assert service.tester().start_chat()


def test_folder_that_cannot_be_written_is_one_line(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk mounted read-only ends the start with the setting, the file and the remedy, and exit code 1."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "chat.lock")

    settings = make_settings()
    monkeypatch.setattr(main, "load_settings", lambda: settings)
    monkeypatch.setattr(main, "configure_logging", lambda *_: None)
    monkeypatch.setattr(main.FileLock, "acquire", refuse)
    assert main.main([]) == 1
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage().startswith("DATA_DIR=")
    assert "Read-only file system. Choose a folder that can be written." in record.getMessage()


@pytest.mark.timeout(170)
def test_damaged_store_ends_the_service_for_its_supervisor(
    tmp_path: Path, openai_server: OpenAIServer
) -> None:
    """A store that is taken away is put back; one that is damaged ends the service with 1."""
    with Process(tmp_path, openai_server) as service:
        service.start()
        store = tmp_path / "data" / "private" / "guichet.db"
        for name in ("guichet.db", "guichet.db-wal", "guichet.db-shm"):
            store.with_name(name).unlink()
        login = httpx.post(f"{service.url}/api/login", json={"password": PASSWORD})
        assert login.status_code == 200
        headers = {"authorization": f"Bearer {login.json()['token']}"}
        thread = httpx.post(f"{service.url}/api/start_chat", json={}, headers=headers)
        assert thread.status_code == 201
        thread_id = thread.json()["thread_id"]
        with closing(Store(store)) as copy:
            assert copy.read(threads.read_thread, thread_id).thread_id == thread_id
        with store.open("r+b") as file:
            file.write(b"\xff" * store.stat().st_size)
        assert service.process is not None
        process = service.process

        def has_ended() -> bool:
            with suppress(httpx.TransportError):
                httpx.post(f"{service.url}/api/start_chat", json={}, headers=headers)
            return process.poll() is not None

        wait_for(has_ended, timeout_s=60)
        assert process.returncode == 1
        said = service.read_log()
    assert "it was put back, and nothing is lost" in said
    assert "bring back a backup" in said
    assert "Traceback" not in said
