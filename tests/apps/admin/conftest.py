"""A house for the admin's pages: a store with a few threads, its published log, and the app over both."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from chatbot import accounts as accounts_module
from chatbot.accounts import Accounts
from chatbot.log.publisher import publish_file
from chatbot.store import threads
from chatbot.store.engine import Store, utc_now
from chatbot.store.records import Feedback, Message, PassageUsed, Status, Thread

MAIN = Path(__file__).parents[3] / "apps" / "admin" / "main.py"
SUPPORT = """# The one for all.
title: {en: Support, fr: Assistance}
description: {en: Answers.}
prompt: |
  Be short.
"""
LETTERS = """kind: writer
title: {en: Letters, fr: Lettres}
prompt: Write letters.
form:
  - {name: recipient, label: {en: To, fr: À}, required: true}
  - {name: day, type: date, label: {en: Day, fr: Jour}}
documents:
  - name: note
    title: {en: Note, fr: Mot}
    subject: {en: A note, fr: Un mot}
    text: {en: "Dear {{ recipient }},", fr: "Bonjour {{ recipient }},"}
  - name: thanks
    title: {en: Thanks, fr: Merci}
    text: {en: "Thank you, {{ recipient }}."}
"""
NAME = "anne"
PASSWORD = "correct horse battery"


@dataclass
class House:
    """The data of one test, and ways to change it."""

    data_dir: Path
    store: Store
    accounts: Accounts
    apps: list[AppTest] = field(default_factory=list)

    def add_thread(
        self,
        question: str = "How do I log in?",
        answer: str = "With a code. [1]",
        *,
        status: Status = "complete",
        at: datetime | None = None,
        assistant: str = "support",
        tester: str = "beta-1",
        passages: tuple[PassageUsed, ...] = (),
        verdict: str | None = None,
        **measures: Any,
    ) -> str:
        """Add a thread of one question and one answer, and give its id."""
        at = at or utc_now() - timedelta(hours=1)
        thread_id, answer_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.store.write(
            threads.add_thread, Thread(thread_id, assistant, "page", tester, None, None, "en", at)
        )
        asked = Message(str(uuid.uuid4()), thread_id, 0, "user", question, at)
        self.store.write(threads.add_message, asked)
        answered = Message(
            answer_id,
            thread_id,
            1,
            "bot",
            answer,
            at + timedelta(seconds=2),
            status,
            passages=passages,
            **measures,
        )
        self.store.write(threads.add_message, answered)
        if verdict:
            self.store.write(threads.add_feedback, Feedback(answer_id, -1, "wrong", verdict, at))
        return thread_id

    def publish(self) -> None:
        """Make the log of what the store holds."""
        path = self.data_dir / "conversations.duckdb"
        path.unlink(missing_ok=True)
        publish_file(self.store, path, timezone="Europe/Paris")

    def open(self, *, locale: str = "en-GB") -> AppTest:
        """Open the app as a browser does, and show what it shows first."""
        app = AppTest.from_file(str(MAIN), default_timeout=60)
        app.context = {"locale": locale}
        return app.run()

    def log_in(self, page: str | None = None, *, name: str = NAME, locale: str = "en-GB") -> AppTest:
        """Open the app, log in, and go to a page."""
        app = fill_login(self.open(locale=locale), name, PASSWORD)
        return go(app, page) if page else app


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Give an empty store with the superadmin `anne` and the admin `ben`, and the settings that lead there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TIMEZONE", "Europe/Paris")
    monkeypatch.setenv("ASSISTANTS_DIR", str(MAIN.parents[2] / "data" / "assistants"))
    monkeypatch.setattr(accounts_module, "ROUNDS", 4)
    accounts_module._dummy_hash.cache_clear()
    st.cache_resource.clear()
    handlers = logging.getLogger().handlers[:]
    store = Store(tmp_path / "data" / "private" / "guichet.db")
    accounts = Accounts(store, store.path.parent)
    accounts.add(NAME, PASSWORD, name="Anne Martin", role="superadmin")
    accounts.add("ben", PASSWORD, name="Ben")
    yield House(tmp_path / "data", store, accounts)
    store.close()
    # What the app built holds the test's files and its captured output.
    st.cache_resource.clear()
    logging.getLogger().handlers[:] = handlers
    accounts_module._dummy_hash.cache_clear()


@pytest.fixture
def definitions(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of two small definitions, which the house works with, beside a page of documentation."""
    folder, knowledge = tmp_path / "assistants", tmp_path / "knowledge"
    folder.mkdir()
    knowledge.mkdir()
    (folder / "support.yaml").write_text(SUPPORT)
    (folder / "letters.yaml").write_text(LETTERS)
    (knowledge / "install.md").write_text(
        "# Install\n\nRun `docker run teapot` to install Teapot with Docker.\n"
    )
    monkeypatch.setenv("ASSISTANTS_DIR", str(folder))
    monkeypatch.setenv("KNOWLEDGE_DIR", str(knowledge))
    _remember_navigation(monkeypatch)
    return folder


def _remember_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every run know of the navigation, as all but the first of a process do; AppTest forgets it each time.

    Without it a page file is run by itself first and by `main.py` after a rerun: fields of two names, which lose what
    is in them.
    """
    build = PagesManager.__init__

    def build_and_remember(*given: Any, **named: Any) -> None:
        build(*given, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", build_and_remember)


def press(app: AppTest, label: str) -> AppTest:
    """Press the button of this label."""
    return next(button for button in app.button if button.label == label).click().run()


def find_field(app: AppTest, kind: str, label: str) -> Any:
    """Give the first field of a kind, such as `text_input`, with this label."""
    return next(field for field in getattr(app, kind) if field.label == label)


def fill_login(app: AppTest, name: str, password: str) -> AppTest:
    """Fill in the login form and send it."""
    app.text_input[0].set_value(name)
    app.text_input[1].set_value(password)
    return app.button[0].click().run()


def go(app: AppTest, page: str, **query: str) -> AppTest:
    """Go to a page file, as `overview`."""
    app.switch_page(f"pages/{page}.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def is_login(app: AppTest) -> bool:
    """Tell whether the login is shown, and nothing else."""
    return [field.label for field in app.text_input] == ["Name", "Password"] and not app.sidebar.button


def read_text(app: AppTest) -> str:
    """Give all that a page says, in the order of kinds."""
    parts = [
        element.value
        for kind in ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
        for element in getattr(app, kind)
    ]
    parts += [element.body for element in app.html if not element.body.startswith("<style>")]
    parts += [f"{metric.label}: {metric.value}" for metric in app.metric]
    return "\n".join(str(part) for part in parts)
