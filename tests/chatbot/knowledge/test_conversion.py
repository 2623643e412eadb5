"""Conversion: in a child that is bounded, shut in, and not asked twice."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chatbot.knowledge.conversion import ConversionFailed, Converter
from tests.chatbot.knowledge.files import make_docx, make_pdf
from tests.conftest import ROOT


def refuse(suffix: str, content: bytes, **limits: float) -> str:
    """Convert what cannot be; give the reason."""
    with (
        Converter(timeout_s=limits.get("timeout_s", 60)) as converter,
        pytest.raises(ConversionFailed) as caught,
    ):
        converter.convert(suffix, content)
    return str(caught.value)


def test_one_child_converts_every_format() -> None:
    """Each format gives its text with headings, one after the other."""
    with Converter() as converter:
        assert converter.convert(".html", b"<h1>Title</h1><p>Text.") == "# Title\n\nText.\n"
        assert converter.convert(".rst", b"Title\n=====\n\nText.") == "# Title\n\nText.\n"
        assert "# Leave" in converter.convert(".docx", make_docx([("Leave", "Heading1"), ("25 days.", "")]))
        assert "Press the red button." in converter.convert(".pdf", make_pdf(["Press the red button."]))


def test_a_conversion_is_kept_and_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes give the same text without a child, and so does a fault."""
    for suffix, content in ((".html", b"<p>Text."), (".docx", b"no zip")):
        answers = []
        for _ in range(2):
            with Converter(tmp_path) as converter:
                try:
                    answers.append(converter.convert(suffix, content))
                except ConversionFailed as error:
                    answers.append(str(error))
            monkeypatch.setattr(subprocess, "Popen", None)
        assert answers[0] == answers[1]
        monkeypatch.undo()


def test_a_damaged_kept_conversion_is_made_again(tmp_path: Path) -> None:
    """Half a file in the cache costs a conversion, not the document."""
    for _ in range(2):
        with Converter(tmp_path) as converter:
            assert converter.convert(".html", b"<p>Text.") == "Text.\n"
        for kept in tmp_path.iterdir():
            kept.write_text('{"te')


@pytest.mark.parametrize(
    ("suffix", "content", "reason"),
    [
        (".pdf", b"GIF89a", "it is no PDF"),
        (".pdf", make_pdf(["Text."])[:600], "it is cut short"),
        (".pdf", make_pdf(["Text."], password="secret"), "protected by a password"),
        (".pdf", make_pdf([]), "only pictures"),
        (".pdf", b"%PDF-1.7\n" + b"garbage " * 100 + b"%%EOF", ""),
        (".docx", b"Dear all", "no Word document"),
        (".docx", make_docx([("Text", "")])[:200], "cut short"),
        (".docx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "protected by a password or of Word 97"),
        (".docx", make_docx([]), "no text"),
        (".html", b"<html><body></body></html>", "no text"),
        (".html", b"{% extends 'base.html' %}<p>x", "template"),
        (".html", b"\0\1\2\3", "binary"),
        (".html", b"<div>" * 20_000 + b"x", "nested too deeply"),
    ],
)
def test_a_broken_file_is_named_with_its_reason_and_a_remedy(
    suffix: str, content: bytes, reason: str
) -> None:
    """Whatever a library trips over becomes a sentence."""
    message = refuse(suffix, content)
    assert reason in message
    assert ";" in message


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    """A few kilobytes that unpack to gigabytes cost neither memory nor time."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 400_000_000)
    assert "unpacks to more than 300 MB" in refuse(".docx", target.getvalue())


def test_a_conversion_that_takes_too_long_is_ended_and_the_next_one_works() -> None:
    """The child is killed at the limit; the document is named; another child goes on."""
    slow = b"<p>" + b"<b>x</b> " * 1_000_000
    with Converter(timeout_s=5) as converter:
        with pytest.raises(ConversionFailed, match="more than 5 seconds"):
            converter.convert(".html", slow)
        assert converter.convert(".rst", b"Text.") == "Text.\n"


def test_a_conversion_that_takes_too_much_memory_is_ended() -> None:
    """The limit is the child's: the service keeps its memory."""
    with Converter(memory_bytes=300_000_000) as converter, pytest.raises(ConversionFailed, match="memory"):
        converter.convert(".html", b"<p>" + b"<b>x</b> " * 1_500_000)


@pytest.mark.parametrize(
    "deed",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "open('/etc/hostname').read()",
        "open('made.txt', 'w')",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
    ],
)
def test_the_child_may_not_reach_beyond_its_document(deed: str, tmp_path: Path) -> None:
    """The network, other programs and files beside the libraries' own are refused."""
    code = (
        "from chatbot.knowledge.formats.worker import _shut_in\n_shut_in()\n"
        f"try:\n    exec({deed!r})\nexcept PermissionError as error:\n    print('refused', error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("refused"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_kept_is_plain_json(tmp_path: Path) -> None:
    """An operator can look at what the bot reads of a PDF."""
    with Converter(tmp_path) as converter:
        converter.convert(".html", b"<p>Text.")
    assert [json.loads(kept.read_text()) for kept in tmp_path.iterdir()] == [{"text": "Text.\n"}]
