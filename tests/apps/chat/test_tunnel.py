"""The public link: refused without a login, plain words where it fails, and nothing counts as loopback meanwhile."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from apps.chat import main
from apps.chat.loopback import is_loopback
from apps.chat.tunnel import Tunnel
from chatbot.errors import TunnelUnavailable
from tests.apps.chat.conftest import Serve, read_code
from tests.conftest import MakeSettings

ADDRESS = "https://0123456789.gradio.live"


def connect(host: str, port: int, folder: Path) -> str:
    """Open nothing and give an address."""
    return ADDRESS


def fail(host: str, port: int, folder: Path) -> str:
    """Fail as a machine without network does."""
    raise RuntimeError("Could not get share link from Gradio API Server.")


def make_scope(**headers: str) -> dict[str, object]:
    """Give the scope of a request from this machine."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": ("127.0.0.1", 5), "headers": raw}


def test_open_tunnel_gives_its_address(tmp_path: Path) -> None:
    """The link is told, its host is known, and it is gone after closing."""
    tunnel = Tunnel(connect)
    assert tunnel.open(7860, tmp_path) == ADDRESS
    assert (tunnel.is_open, tunnel.host) == (True, "0123456789.gradio.live")
    tunnel.close()
    assert (tunnel.is_open, tunnel.host) == (False, "")


def test_failure_says_what_is_missing(tmp_path: Path) -> None:
    """Where Gradio's servers cannot be reached the message says so and names the other way."""
    tunnel = Tunnel(fail)
    with pytest.raises(TunnelUnavailable, match=r"share link.*PUBLIC_URL"):
        tunnel.open(7860, tmp_path)
    assert not tunnel.is_open


def test_service_goes_on_without_a_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The failure is one plain line, not an end."""
    tunnel = Tunnel(fail)
    with caplog.at_level(logging.INFO):
        tunnel.open_beside(7860, tmp_path).join(10)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "no public link" in record.getMessage() and "goes on without" in record.getMessage()
    assert record.exc_info is None


def test_link_is_told_in_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where it opens, a line has the address."""
    with caplog.at_level(logging.INFO):
        Tunnel(connect).open_beside(7860, tmp_path).join(10)
    assert ADDRESS in caplog.text


def test_nothing_is_loopback_while_it_opens(tmp_path: Path) -> None:
    """From the moment it is tried every peer may be the tunnel's end."""
    seen: list[bool] = []

    def look(host: str, port: int, folder: Path) -> str:
        seen.append(is_loopback(make_scope(), tunnel))
        return ADDRESS

    tunnel = Tunnel(look)
    assert is_loopback(make_scope(), tunnel)
    tunnel.open(7860, tmp_path)
    seen.append(is_loopback(make_scope(), tunnel))
    assert seen == [False, False]
    tunnel.close()
    assert is_loopback(make_scope(), tunnel)
    assert not is_loopback(make_scope(x_forwarded_for="192.0.2.1"), tunnel)
    assert not is_loopback(make_scope() | {"client": ("192.0.2.1", 5)}, tunnel)
    assert not is_loopback(make_scope() | {"client": None}, tunnel)


def test_metrics_and_cookies_know_of_the_tunnel(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics are closed while it is open; its host is answered to, and gets a Secure cookie."""
    service = serve(public_url="https://ask.example.org")
    client = service.client()
    link = {"host": "0123456789.gradio.live"}
    assert client.get("/metrics").status_code == 200
    assert read_code(client.get("/login", headers=link)) == (400, "invalid_request")
    tunnel = service.services.tunnel
    monkeypatch.setattr(tunnel, "_connect", connect)
    tunnel.open(7860, tmp_path)
    assert read_code(client.get("/metrics")) == (401, "not_logged_in")
    assert client.get("/login", headers=link).status_code == 200
    body = {"password": "two lumps of sugar"}
    assert "Secure" in client.post("/api/login", json=body, headers=link).headers["set-cookie"]
    assert "Secure" not in client.post("/api/login", json=body).headers["set-cookie"]
    tunnel.close()
    assert client.get("/metrics").status_code == 200
    assert client.get("/login", headers=link).status_code == 400


def test_share_is_refused_without_a_login(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`--share` in an open house ends at the start with exit code 1 and the remedy; nothing is served."""
    monkeypatch.setattr(main, "load_settings", lambda: make_settings(open_access=True))
    monkeypatch.setattr(main, "configure_logging", lambda *_: None)
    assert main.main(["--share"]) == 1
    assert "BETA_PASSWORD" in caplog.text


def test_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Another option than `--share` is exit code 2."""
    with pytest.raises(SystemExit) as end:
        main.main(["--sahre"])
    assert end.value.code == 2
    assert "--sahre" in capsys.readouterr().err
