"""A workshop over a store and a folder of its own, and two who work in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatbot.assistants.catalogue import Assistants
from chatbot.settings import Settings
from chatbot.store.engine import Store
from chatbot.store.records import Account
from chatbot.workshop.assistants import AssistantWorkshop
from tests.conftest import MakeSettings

SUPPORT = "title: {en: Support}\nprompt: |\n  Be short.\n"
LETTERS = """kind: writer
title: {en: Letters, fr: Lettres}
prompt: Write letters.
form:
  - {name: recipient, label: {en: To}, required: true}
  - {name: sender_name, label: {en: From}, stays_in_browser: true}
documents:
  - name: note
    title: {en: Note, fr: Mot}
    subject: {en: "About {{ matter }}"}
    text: {en: "Dear {{ recipient }},\\n\\n{{ matter }}{{ ' At length.' if length != 'short' }}\\n\\nRegards"}
    form: [{name: matter, label: {en: Matter}, required: true, max_length: 40}]
    template: our-letter
"""
ANNE = Account("anne", "Anne", "superadmin", "", datetime(2025, 3, 1, tzinfo=UTC))
BEN = Account("ben", "Ben", "admin", "", datetime(2025, 3, 1, tzinfo=UTC))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with two definitions."""
    found = tmp_path / "assistants"
    found.mkdir()
    (found / "support.yaml").write_text(SUPPORT)
    (found / "letters.yaml").write_text(LETTERS)
    return found


@pytest.fixture
def settings(make_settings: MakeSettings, folder: Path) -> Settings:
    """Give settings that lead to that folder."""
    return make_settings(assistants_dir=folder)


@pytest.fixture
def assistants(settings: Settings, store: Store) -> Assistants:
    """Give what is in force there."""
    return Assistants(settings.assistants_dir, store, is_patient=True)


@pytest.fixture
def workshop(store: Store, assistants: Assistants) -> AssistantWorkshop:
    """Give the workshop."""
    return AssistantWorkshop(store, assistants)
