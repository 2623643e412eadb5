"""Texts for readers, given per language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Language = Literal["en", "fr"]
Texts = dict[Language, str]


def say(texts: Mapping[Any, str], language: str | None) -> str:
    """Choose the reader's language, or what there is; empty where there is nothing."""
    return texts.get("fr" if language == "fr" else "en") or next(iter(texts.values()), "")
