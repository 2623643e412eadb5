"""The key that signs cookies and tokens: the operator's, or one made once and kept."""

from __future__ import annotations

from chatbot.key_file import read_or_make_key
from chatbot.settings import Settings

SECRET_KEY_NAME = "secret-key"  # noqa: S105 - a file's name


def load_secret_key(settings: Settings) -> bytes:
    """Give the key that signs cookies and tokens: `SECRET_KEY`, or one made once and kept in `private/secret-key`.

    Raises:
        StoreUnavailable: the file cannot be read or written.
    """
    if settings.secret_key:
        return settings.secret_key.get_secret_value().encode()
    return read_or_make_key(settings.private_dir / SECRET_KEY_NAME)
