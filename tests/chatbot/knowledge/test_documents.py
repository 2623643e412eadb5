"""Documents: what the folder holds, what is left out and why, encodings, links."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from chatbot.knowledge import documents
from chatbot.knowledge.documents import (
    MissingDocument,
    UnreadableDocument,
    is_document,
    read_document,
    scan_folder,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def refuse(folder: Path, source: str) -> str:
    """Read a document that cannot be read; give the warning."""
    with pytest.raises(UnreadableDocument) as caught:
        read_document(folder, source)
    message = str(caught.value)
    assert message.startswith(f"{source} is left out: ")
    return message


@pytest.mark.parametrize(
    "name", ["a.md", "A.MD", "b.markdown", "c.mdx", "d.txt", "e.html", "f.htm", "g.rst", "h.pdf", "i.docx"]
)
def test_documents_are_known_by_their_names(name: str) -> None:
    """Each format that is read is found, in small letters or capitals."""
    assert is_document(name)


@pytest.mark.parametrize(
    "name",
    [
        *("LICENSE.txt", "LICENSE-NOTE.txt", "licence.txt", "NOTICE.txt", "COPYING.txt", "robots.txt"),
        *("requirements.txt", "requirements-dev.txt", "CMakeLists.txt", "constraints.txt", "llms.txt"),
        *(".hidden.md", "image.png", "a.md.bak", "doc.doc"),
    ],
)
def test_files_that_are_no_documentation_are_left_out(name: str) -> None:
    """Licences, lists for programs, hidden files and other formats are not documents."""
    assert not is_document(name)


@pytest.mark.parametrize(
    "name", ["license.md", "notes.txt", "requirements.md", "noticeboard.txt", "licensing guide.txt"]
)
def test_pages_about_such_things_are_documents(name: str) -> None:
    """A page about licences is documentation, and so is a text whose name only begins alike."""
    assert is_document(name)


def test_folders_of_packages_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    """What a package manager put beside the documents is not theirs."""
    for name in ("docs/a.md", "node_modules/b.md", ".git/c.md", "x.md/d.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    assert list(scan_folder(tmp_path)) == ["docs/a.md", "x.md/d.md"]


def test_links_that_go_in_circles_end(tmp_path: Path) -> None:
    """Linked folders are read once; a link to itself is named."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/page.md").write_text("text")
    (tmp_path / "a/again").symlink_to(tmp_path)
    (tmp_path / "self.md").symlink_to(tmp_path / "self.md")
    assert list(scan_folder(tmp_path)) == ["a/page.md", "self.md"]
    assert "link" in refuse(tmp_path, "self.md")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\xe2\x80\x8b\n", "empty"),
        (b"# T\n\0\1", "binary"),
        (PNG, "a PNG file named .md"),
        (b"%PDF-1.7 text", "a PDF file named .md"),
        ("# Été".encode("latin-1"), "UTF-8"),
        (b"\xff\xfeA", "UTF-16"),
    ],
)
def test_what_is_no_text_is_named_with_a_remedy(tmp_path: Path, content: bytes, reason: str) -> None:
    """Empty, binary, mislabelled and wrongly encoded files each get a sentence that says what helps."""
    (tmp_path / "a.md").write_bytes(content)
    message = refuse(tmp_path, "a.md")
    assert reason in message
    assert ";" in message


def test_a_text_in_latin_1_is_named(tmp_path: Path) -> None:
    """Its letters are not guessed: the warning says how to save it."""
    (tmp_path / "notes.txt").write_bytes("Réglages à faire".encode("latin-1"))
    assert "byte 1 is not UTF-8; save it as UTF-8" in refuse(tmp_path, "notes.txt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_byte_order_marks_are_understood(tmp_path: Path, encoding: str) -> None:
    """What Windows saves as Unicode is read, without the mark."""
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    (tmp_path / "a.txt").write_bytes(mark + "Réglages".encode(encoding))
    assert read_document(tmp_path, "a.txt").text == "Réglages"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Reading one would never end."""
    os.mkfifo(tmp_path / "pipe.md")
    assert "pipe" in refuse(tmp_path, "pipe.md")


def test_a_socket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be opened at all says the system's reason."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.md")
        assert "cannot be read" in refuse(tmp_path, "socket.md")


def test_a_link_to_nothing_is_named_and_a_missing_file_is_not(tmp_path: Path) -> None:
    """The one is the operator's mistake; the other went while the folder was read."""
    (tmp_path / "a.md").symlink_to(tmp_path / "nowhere.md")
    assert "link to nothing" in refuse(tmp_path, "a.md")
    with pytest.raises(MissingDocument):
        read_document(tmp_path, "gone.md")


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning says whose right is missing; the superuser has it, so the system's refusal is put in."""
    (tmp_path / "a.md").write_text("text")

    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(documents.os, "open", deny)
    message = refuse(tmp_path, "a.md")
    assert "Permission denied" in message
    assert "give the service the right" in message


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents do not vanish silently with the folder they are in."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "a.md").write_text("text")
    listing = os.scandir

    def deny(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(documents.os, "scandir", deny)
    assert list(scan_folder(tmp_path)) == ["a.md", "secret/"]
    assert "cannot be listed" in refuse(tmp_path, "secret/")


def test_a_file_of_50_mb_is_named_without_being_kept(tmp_path: Path) -> None:
    """The limit and the size stand in the warning."""
    with (tmp_path / "huge.md").open("wb") as file:
        file.truncate(50_000_000)
    assert "at most 20,000,000 are read; split it" in refuse(tmp_path, "huge.md")


def test_a_file_that_grows_while_it_is_read_has_no_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whoever asked knows to read it again."""
    path = tmp_path / "a.md"
    path.write_text("text")
    reading = os.fdopen

    def append_and_open(descriptor: int, mode: str) -> object:
        file = reading(descriptor, mode)
        states = iter([os.fstat(descriptor)])
        with path.open("a") as writer:
            writer.write(" and more")
        monkeypatch.setattr(documents.os, "fstat", lambda _: next(states, None) or path.stat())
        return file

    monkeypatch.setattr(documents.os, "fdopen", append_and_open)
    assert read_document(tmp_path, "a.md").signature == documents.NO_SIGNATURE


@pytest.mark.parametrize("name", [b"caf\xe9.md", b"\xe9t\xe9/page.md"])
def test_a_name_that_is_not_utf_8_is_named_in_a_warning(tmp_path: Path, name: bytes) -> None:
    """A file or folder named in an old encoding is left out with a name that can be printed; the rest is read."""
    file = tmp_path / os.fsdecode(name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"# Menu\n\nCoffee.\n")
    (source,) = scan_folder(tmp_path)
    with pytest.raises(
        UnreadableDocument, match=r"\\xe9.*md is left out: its name is not UTF-8; rename it\."
    ) as caught:
        read_document(tmp_path, source)
    str(caught.value).encode()
