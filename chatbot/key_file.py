"""Keys that are made once and kept in `private/`."""

from __future__ import annotations

import os
import secrets
import uuid
from pathlib import Path

from chatbot.errors import StoreUnavailable

KEY_BYTES = 32


def read_or_make_key(path: Path) -> bytes:
    """Give the key in a file, made where there is none; of two processes that start at once both get the same.

    Raises:
        StoreUnavailable: the file cannot be read or written, or is too short.
    """
    try:
        if not path.exists():
            _write_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be read or written: {error.strerror}. Check its rights."
        ) from error
    if len(key) < KEY_BYTES:
        raise StoreUnavailable(
            f"{path} holds fewer than {KEY_BYTES} bytes. Remove it to have a new one made."
        )
    return key


def _write_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_hex(KEY_BYTES).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link does not replace: of two processes that start at once both read the first one's key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
