"""The public link of `--share`: Gradio's own tunnel, opened only where a login is asked for."""

from __future__ import annotations

import logging
import secrets
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from chatbot.errors import TunnelUnavailable

logger = logging.getLogger(__name__)

# host, port, folder for the certificate → public address
Connect = Callable[[str, int, Path], str]


class Tunnel:
    """A way in from the internet; from the moment it is tried nothing counts as loopback.

    Args:
        connect: opens it; replaced in tests, for it needs Gradio's servers.
    """

    def __init__(self, connect: Connect | None = None) -> None:
        self._connect = connect or _connect_gradio
        self.is_open = False
        self.host = ""

    def open(self, port: int, folder: Path) -> str:
        """Give the public address, which leads to `port` of this machine.

        Args:
            folder: where the certificate of Gradio's server is kept.

        Raises:
            TunnelUnavailable: Gradio's servers cannot be reached, or refused.
        """
        self.is_open = True
        try:
            address = self._connect("127.0.0.1", port, folder)
        except Exception as error:
            self.close()
            reason = str(error).strip().rstrip(".").partition("\n")[0] or type(error).__name__
            raise TunnelUnavailable(
                f"--share: no public link could be opened ({reason}). It needs Gradio's "
                "servers (api.gradio.app, *.gradio.live) and its program frpc; check the network, or put a proxy "
                "in front and set PUBLIC_URL."
            ) from error
        self.host = urlsplit(address).hostname or ""
        return address

    def open_beside(self, port: int, folder: Path) -> threading.Thread:
        """Open it while the service answers already; where that fails the service goes on without."""
        self.is_open = True
        thread = threading.Thread(target=self._try_open, args=(port, folder), name="tunnel", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Take the public link away."""
        _end_gradio()
        self.is_open = False
        self.host = ""

    def _try_open(self, port: int, folder: Path) -> None:
        try:
            address = self.open(port, folder)
        except TunnelUnavailable as error:
            logger.error("%s The service goes on without.", error)
            return
        logger.info("The public link is %s (until the service ends, at most a week)", address)


def _connect_gradio(host: str, port: int, folder: Path) -> str:
    from gradio import networking

    folder.mkdir(parents=True, exist_ok=True)
    # By default it is written into the folder the program was started in.
    networking.CERTIFICATE_PATH = str(folder / "certificate.pem")
    return str(networking.setup_tunnel(host, port, secrets.token_urlsafe(32), None, None))


def _end_gradio() -> None:
    # Not imported for its own sake: where it is not there it has opened nothing.
    tunneling = sys.modules.get("gradio.tunneling")
    for tunnel in tunneling.CURRENT_TUNNELS if tunneling else ():
        if tunnel.proc is not None:
            tunnel.proc.terminate()
            tunnel.proc = None
