"""A word processor shows .docx and .odt as the letters they are: LibreOffice turns them into pages."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from chatbot.letters.docx import write_docx
from chatbot.letters.odt import write_odt
from tests.chatbot.letters.samples import (
    find_place,
    make_english,
    make_french,
    make_hostile,
    read_pdf_pages,
    squeeze,
)

pytestmark = pytest.mark.needs("libreoffice")
FORMATS = ("docx", "odt")
SECOND_PAGE = "\n\n".join(["Four of the six lamps have been out since the third of October. " * 5] * 12)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Give letters as LibreOffice prints them, by language and format; all in one call, for its start takes seconds."""
    folder = tmp_path_factory.mktemp("letters")
    english = make_english()
    letters = {
        "fr": make_french(),
        "en": replace(english, body=f"Dear Ms Hargreaves,\n\n{SECOND_PAGE}\n\nYours sincerely,"),
        "hostile": make_hostile(),
    }
    for name, letter in letters.items():
        folder.joinpath(f"{name}-docx.docx").write_bytes(write_docx(letter))
        folder.joinpath(f"{name}-odt.odt").write_bytes(write_odt(letter))
    profile = f"-env:UserInstallation={folder.joinpath('profile').as_uri()}"
    sources = sorted(str(path) for path in folder.glob("*-*.*"))
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), *sources],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return {path.stem: path.read_bytes() for path in Path(folder).glob("*.pdf")}


@pytest.mark.parametrize("format", FORMATS)
def test_french_letter_is_seen_as_one(pages: dict[str, bytes], format: str) -> None:
    """The recipient stands behind the window on the right, the name on the right below the formula, all on one page."""
    data = pages[f"fr-{format}"]
    _, x, y = find_place(data, "Assurances du")
    assert x == pytest.approx(110, abs=0.5)
    assert 55 < y < 62
    assert find_place(data, "Lyon, le 1er")[1] == pytest.approx(110, abs=0.5)
    assert find_place(data, "Objet")[1] == pytest.approx(25, abs=0.5)
    (text,) = read_pdf_pages(data)
    plain = squeeze(text)
    for part in ("– de me confirmer la date de fin ;", "1. sur mon compte courant,", "P.J. (2) :"):
        assert part in plain
    assert plain.rindex("Camille Dupré") > plain.index("salutations distinguées.")


@pytest.mark.parametrize("format", FORMATS)
def test_english_letter_is_seen_as_one(pages: dict[str, bytes], format: str) -> None:
    """Sender and date on the right, the recipient behind the window on the left; pages are numbered from the second."""
    data = pages[f"en-{format}"]
    assert find_place(data, "12 Mill Lane")[1] == pytest.approx(110, abs=0.5)
    _, x, y = find_place(data, "Ms Joan")
    assert x == pytest.approx(25, abs=0.5)
    assert 57 < y < 64
    first, second = read_pdf_pages(data)
    assert "1 / 2" not in first
    assert "2 / 2" in second
    assert squeeze(first).index("Dear Ms Hargreaves,") < squeeze(first).index("Complaint about order")
    assert "Yours sincerely," in second and "Alex Morgan" in second and "Enc.: Copy" in second


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_letter_opens(pages: dict[str, bytes], format: str) -> None:
    """Whatever was written into it is text on its pages, over which the longest word flows."""
    pages_of_it = PdfReader(io.BytesIO(pages[f"hostile-{format}"])).pages
    assert "<b>x</b> &lt; <w:p/> ]]> {{ 7*7 }} evil" in squeeze(pages_of_it[0].extract_text())
    assert len(pages_of_it) > 20
