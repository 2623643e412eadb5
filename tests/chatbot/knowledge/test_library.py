"""Library: files that come, change and go while they are read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.errors import SettingsError
from chatbot.knowledge import library as library_module
from chatbot.knowledge.library import Library
from chatbot.knowledge.passages import Passage
from tests.chatbot.knowledge.files import make_docx


class Reader:
    """A library and the passages that were made of it last."""

    def __init__(self, folder: Path, cache: Path, **parts: Callable[..., float]) -> None:
        self.library = Library(folder, cache, **parts)  # type: ignore[arg-type]
        self.passages: list[Passage] = []
        self.digests: dict[str, str] = {}

    def look(self) -> bool:
        """Look at the folder and make the passages of what it holds."""
        is_changed = self.library.look()
        self.passages = self.library.make_passages(self.passages, self.digests)
        self.digests = self.library.digests
        self.library.release()
        return is_changed

    def texts(self) -> list[str]:
        """Give the texts of all passages."""
        return [passage.text for passage in self.passages]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nFirst.")
    (folder / "b.md").write_text("# B\n\nSecond.")
    return folder


@pytest.fixture
def reader(folder: Path, tmp_path: Path) -> Reader:
    reader = Reader(folder, tmp_path / "cache")
    reader.look()
    return reader


def test_only_what_changed_is_cut_again(
    reader: Reader, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passages of the other documents are the same objects."""
    kept = reader.passages[1]
    cut: list[str] = []
    make = library_module.make_passages
    monkeypatch.setattr(
        library_module, "make_passages", lambda *values: cut.append(values[1]) or make(*values)
    )
    assert not reader.look()
    (folder / "a.md").write_text("# A\n\nChanged.")
    assert reader.look()
    assert (cut, reader.texts(), reader.passages[1] is kept) == (["a.md"], ["Changed.", "Second."], True)


def test_a_file_replaced_by_rename_is_read(reader: Reader, folder: Path) -> None:
    """Editors write beside and rename; the new file may have the old one's time and size."""
    state = (folder / "a.md").stat()
    draft = folder / ".a.md.swp"
    draft.write_text("# A\n\nOther.")
    os.utime(draft, ns=(state.st_atime_ns, state.st_mtime_ns))
    draft.rename(folder / "a.md")
    assert reader.look()
    assert reader.texts() == ["Other.", "Second."]


@pytest.mark.parametrize("torn", [b"", b"# A\n\n\xc3", b"# A\n\n\0"])
def test_a_file_just_torn_keeps_its_passages_until_it_is_whole(
    reader: Reader, folder: Path, torn: bytes
) -> None:
    """An editor that empties a file before it fills it takes nothing away."""
    (folder / "a.md").write_bytes(torn)
    reader.look()
    assert reader.texts() == ["First.", "Second."]
    assert reader.library.warnings == []
    (folder / "a.md").write_text("# A\n\nWhole.")
    assert reader.look()
    assert reader.texts() == ["Whole.", "Second."]


def test_a_file_that_stays_torn_is_named(folder: Path, tmp_path: Path) -> None:
    """After a few seconds an empty file is what its author wants."""
    now = [time.time()]
    reader = Reader(folder, tmp_path / "cache", clock=lambda: now[0])
    reader.look()
    (folder / "a.md").write_text("")
    reader.look()
    assert reader.library.warnings == []
    now[0] += 5
    assert reader.look()
    assert reader.texts() == ["Second."]
    assert "a.md is left out: it is empty" in reader.library.warnings[0]


def test_a_file_that_never_rests_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    """While a file is different each time it is looked at, its former passages serve."""
    writes = iter(range(1000))
    is_writing = False

    def write_meanwhile(_: float) -> None:
        if is_writing:
            (folder / "a.md").write_text(f"# A\n\nHalf {next(writes)}" + "x" * next(writes))

    reader = Reader(folder, tmp_path / "cache", sleep=write_meanwhile)
    reader.look()
    is_writing = True
    write_meanwhile(0)
    assert reader.look()
    assert reader.texts() == ["First.", "Second."]
    is_writing = False
    assert reader.look()
    assert reader.texts()[0].startswith("Half")


def test_a_file_deleted_between_listing_and_reading_is_gone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No warning: it is as if it had never been there."""
    listed = library_module.scan_folder(folder)
    (folder / "a.md").unlink()
    monkeypatch.setattr(library_module, "scan_folder", lambda _: listed)
    reader = Reader(folder, tmp_path / "cache")
    reader.look()
    assert (reader.texts(), reader.library.warnings) == (["Second."], [])


def test_a_whole_folder_swapped_is_read_anew(reader: Reader, folder: Path) -> None:
    """A deployment that renames folders is followed."""
    folder.rename(folder.with_name("old"))
    with pytest.raises(SettingsError):
        reader.look()
    assert reader.texts() == ["First.", "Second."]
    folder.mkdir()
    (folder / "c.md").write_text("# C\n\nThird.")
    assert reader.look()
    assert reader.texts() == ["Third."]


def test_a_page_follows_what_it_includes(reader: Reader, folder: Path) -> None:
    """A page is read again when an included file comes, changes or goes."""
    (folder / "a.md").write_text('# A\n\n--8<-- "part.inc"\n\nEnd.')
    reader.look()
    assert reader.texts()[0] == "End."
    for text in ("One.", "Two."):
        (folder / "part.inc").write_text(text)
        assert reader.look()
        assert reader.texts()[0] == f"{text}\n\nEnd."
    (folder / "part.inc").unlink()
    assert reader.look()
    assert reader.texts()[0] == "End."


def test_documents_of_other_formats_are_followed_too(reader: Reader, folder: Path) -> None:
    """A Word file half copied keeps what it said before; the whole one replaces it."""
    (folder / "c.docx").write_bytes(make_docx([("Leave", "Heading1"), ("25 days.", "")]))
    reader.look()
    assert reader.passages[-1].heading == "Leave"
    whole = make_docx([("Leave", "Heading1"), ("30 days.", "")])
    (folder / "c.docx").write_bytes(whole[:300])
    reader.look()
    assert reader.texts()[-1] == "25 days."
    (folder / "c.docx").write_bytes(whole)
    reader.look()
    assert reader.texts()[-1] == "30 days."


def test_a_document_that_breaks_the_parser_costs_its_own_passages(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are indexed, and it is named."""
    make = library_module.make_passages

    def fail(text: str, source: str, language: str | None) -> list[Passage]:
        if source == "a.md":
            raise ValueError("broken")
        return make(text, source, language)

    monkeypatch.setattr(library_module, "make_passages", fail)
    reader = Reader(folder, tmp_path / "cache")
    reader.look()
    assert reader.texts() == ["Second."]
    assert "a.md cannot be cut" in caplog.text


def test_readers_never_meet_half_a_document_while_another_thread_writes(folder: Path, tmp_path: Path) -> None:
    """Whatever way a writer goes about it, each look gives whole documents, and in the end the last ones."""
    versions = [f"# A\n\nBegin {number}.\n\n{'word ' * 200}\n\nEnd {number}." for number in range(40)]
    (folder / "a.md").write_text(versions[0])
    reader = Reader(folder, tmp_path / "cache")
    reader.look()

    def write() -> None:
        for number, text in enumerate(versions):
            if number % 3 == 0:
                (folder / "a.md").write_text("")
                time.sleep(0.02)
                (folder / "a.md").write_text(text)
            elif number % 3 == 1:
                (folder / "a.new").write_text(text)
                (folder / "a.new").replace(folder / "a.md")
            else:
                with (folder / "a.md").open("w") as file:
                    for start in range(0, len(text), 300):
                        file.write(text[start : start + 300])
                        file.flush()
                        time.sleep(0.005)
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        reader.look()
        page = " ".join(passage.text for passage in reader.passages if passage.source == "a.md")
        assert page.split()[1] == page.split()[-1], page
    reader.look()
    assert reader.texts()[-2].endswith("End 39.")
