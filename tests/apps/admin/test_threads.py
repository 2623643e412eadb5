"""The list of threads is paged, sorted, searched and filtered by the log; its PDFs come in one zip."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from apps.admin.archive_box import _READY
from apps.admin.exports import FOLDER, clean_folder
from chatbot.store.engine import utc_now

from .conftest import House, go, read_text


def list_titles(app: AppTest) -> list[str]:
    """Give the first questions on the page, in order."""
    return list(app.dataframe[0].value["title"]) if app.dataframe else []


def select(app: AppTest, **selection: Any) -> AppTest:
    """Click in the table: `cells=[(row, column)]` or `columns=[name]`."""
    # A table that was drawn after `st.rerun` only takes what is set after a run of its own.
    app.run()
    chosen = {"rows": [], "columns": [], "cells": []} | selection
    app.session_state[app.dataframe[0].key] = {"selection": chosen}
    return app.run()


@pytest.fixture
def filled(house: House) -> House:
    """Give a house with 60 threads, the newest `question 0`, the oldest `question 59`."""
    for number in range(60):
        house.add_thread(
            f"question {number}",
            f"answer {number}",
            at=utc_now() - timedelta(hours=1 + number),
            tester=f"beta-{number % 7}",
            status="refused" if number % 10 == 3 else "complete",
            assistant="letters" if number % 2 else "support",
        )
    house.publish()
    return house


def test_first_page_has_the_newest(filled: House) -> None:
    """A page holds 25 threads, the newest first, and says how many there are."""
    app = filled.log_in("threads")
    assert list_titles(app) == [f"question {number}" for number in range(25)]
    assert "Threads 1–25 of 60" in read_text(app)


def test_last_page_has_the_rest(filled: House) -> None:
    """Paging leaves no thread out and shows none twice."""
    app = filled.log_in("threads")
    seen = list_titles(app)
    for number in (2, 3):
        app = app.pagination[0].set_value(number).run()
        seen += list_titles(app)
    assert seen == [f"question {number}" for number in range(60)]
    assert "Threads 51–60 of 60" in read_text(app)


def test_click_on_a_head_sorts_all_threads(filled: House) -> None:
    """Sorting is the log's, over all pages; a second click turns it."""
    app = select(filled.log_in("threads"), columns=["last_at"])
    assert list_titles(app)[:2] == ["question 59", "question 58"]
    app = select(app, columns=["title"])
    assert list_titles(app)[:3] == ["question 0", "question 1", "question 10"]
    app = select(app, columns=["title"])
    assert list_titles(app)[0] == "question 9"


def test_search_finds_words_of_answers_whatever_their_accents(filled: House) -> None:
    """Questions and answers are searched, without regard to case and accents."""
    filled.add_thread("Où est la clé ?", "Dans le tiroir É.", tester="beta-9")
    filled.publish()
    app = filled.log_in("threads")
    app = app.text_input(key="threads_search").set_value("TIROIR e").run()
    assert list_titles(app) == ["Où est la clé ?"]


@pytest.mark.parametrize("words", ["%", "_", "'", '"; DROP TABLE threads; --', "\\", "[1]", "\0"])
def test_search_takes_signs_as_they_are(filled: House, words: str) -> None:
    """No sign means anything to the search."""
    app = filled.log_in("threads")
    app = app.text_input(key="threads_search").set_value(words).run()
    assert not app.exception
    assert not app.error


def test_filters_narrow_the_list(filled: House) -> None:
    """Assistant and outcome narrow the list, alone and together."""
    app = filled.log_in("threads")
    app = app.selectbox(key="threads_status").set_value("refused").run()
    assert list_titles(app) == [f"question {number}" for number in (3, 13, 23, 33, 43, 53)]
    app = app.selectbox(key="threads_assistant").set_value("support").run()
    assert "No thread fits these filters" in read_text(app)
    app = app.selectbox(key="threads_assistant").set_value("letters").run()
    assert len(list_titles(app)) == 6


def test_range_narrows_the_list(filled: House) -> None:
    """The range is of threads that were started or written in."""
    app = filled.log_in("threads")
    app = app.segmented_control(key="threads_range").set_value("24h").run()
    assert "of 23" in read_text(app)


def test_another_choice_begins_at_the_first_page(filled: House) -> None:
    """Whoever narrows the list on its last page sees the first page of what is left."""
    app = filled.log_in("threads")
    app = app.pagination[0].set_value(3).run()
    app = app.selectbox(key="threads_assistant").set_value("support").run()
    assert "Threads 1–25 of 30" in read_text(app)


def test_filters_stay_while_a_thread_is_read(filled: House) -> None:
    """Back from a thread the list is as it was left."""
    app = filled.log_in("threads")
    app = app.selectbox(key="threads_status").set_value("refused").run()
    app = select(app, cells=[(1, "title")])
    assert "question 13" in read_text(app)
    app = go(app, "threads")
    assert len(list_titles(app)) == 6


def test_click_on_a_row_opens_its_thread(filled: House) -> None:
    """A click on any cell leads to the thread of its row."""
    app = select(filled.log_in("threads"), cells=[(4, "tester")])
    assert "question 4" in read_text(app)
    assert "answer 4" in read_text(app)


def test_titles_are_on_one_line_and_short(house: House) -> None:
    """A question of many lines or of thousands of characters takes one line of the table."""
    house.add_thread("first line\n\n  second\tline " + "x" * 5000)
    house.publish()
    title = list_titles(house.log_in("threads"))[0]
    assert title.startswith("first line second line xxx")
    assert len(title) <= 240


def test_without_a_log_the_page_says_what_to_do(house: House) -> None:
    """The list's empty state is the overview's."""
    assert "There is no conversation log yet" in read_text(house.log_in("threads"))


def make_zip(app: AppTest) -> tuple[AppTest, zipfile.ZipFile, Path]:
    """Make the zip, and open it."""
    app = app.button(key="make_archive").click().run()
    archive = app.session_state[_READY][1]
    return app, zipfile.ZipFile(io.BytesIO(archive.path.read_bytes())), archive.path


def test_zip_holds_a_pdf_of_each_thread_that_fits(filled: House) -> None:
    """The zip has the threads of the filters, every one a PDF, and a manifest that says so."""
    app = filled.log_in("threads")
    app = app.selectbox(key="threads_status").set_value("refused").run()
    app, archive, path = make_zip(app)
    names = [name for name in archive.namelist() if name.endswith(".pdf")]
    assert len(names) == 6
    assert all(archive.read(name).startswith(b"%PDF-") for name in names)
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["count"] == 6
    assert manifest["filter"]["status"] == "refused"
    assert manifest["timezone"] == "Europe/Paris"
    assert path.parent == filled.data_dir / "private" / FOLDER
    assert path.stat().st_mode & 0o077 == 0
    assert "6 threads" in read_text(app)
    assert app.download_button(key="download_archive").label == "Download the zip"


def test_zip_of_other_filters_is_not_offered(filled: House) -> None:
    """After another choice the zip that was made is no longer the one on the page."""
    app = filled.log_in("threads")
    app = app.selectbox(key="threads_status").set_value("refused").run()
    app, _, _ = make_zip(app)
    app = app.selectbox(key="threads_status").set_value("").run()
    assert not app.download_button


def test_old_zips_are_removed(tmp_path: Path) -> None:
    """A zip that nobody fetched goes, a fresh one and anything else stays."""
    old, fresh, other = (tmp_path / name for name in ("threads-a.zip", "threads-b.zip", "notes.zip"))
    for path in (old, fresh, other):
        path.write_bytes(b"x")
    for path in (old, other):
        os.utime(path, (time.time() - 7200,) * 2)
    clean_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.zip", "threads-b.zip"]


def test_zip_that_fails_leaves_no_file(filled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip that cannot be finished is a sentence, and its torn file is gone."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    app = filled.log_in("threads")
    monkeypatch.setattr("apps.admin.exports.write_archive", fail)
    app = app.button(key="make_archive").click().run()
    assert app.error[0].value.startswith("The service could not do this")
    assert not list((filled.data_dir / "private" / FOLDER).iterdir())
