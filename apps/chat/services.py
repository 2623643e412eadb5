"""What the chat service's routes and page work with; `main.py` builds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from apps.chat.printer import Printer
from apps.chat.tunnel import Tunnel
from chatbot.access import Access, version_notice
from chatbot.assistants.catalogue import Assistants
from chatbot.settings import Settings
from chatbot.store.engine import Store
from chatbot.telemetry import Metrics
from chatbot.turns import Turns

COOKIE = "guichet"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service."""

    settings: Settings
    store: Store
    access: Access
    turns: Turns
    assistants: Assistants
    metrics: Metrics
    printer: Printer
    started_at: datetime
    tunnel: Tunnel = field(default_factory=Tunnel)


def list_notice_versions(settings: Settings) -> frozenset[str]:
    """Give the versions of the privacy notice in force: one per language it is read in."""
    return frozenset(version_notice(settings.notice(language)) for language in LANGUAGES)


def choose_language(settings: Settings, accepted: str) -> str:
    """Choose English or French: `LANGUAGE`, or what the reader's browser prefers.

    Args:
        accepted: the `Accept-Language` header.
    """
    if settings.language != "auto":
        return settings.language
    weights = {"en": 0.0, "fr": 0.0}
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        language = tag[:2].lower()
        if language in weights:
            weights[language] = max(weights[language], _read_quality(quality))
    return "fr" if weights["fr"] > weights["en"] else "en"


def _read_quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
