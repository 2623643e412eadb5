"""A booklet's PDF is a small book: A5, a chapter to a page, large type, numbered, and fetches nothing."""

from __future__ import annotations

import subprocess
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from chatbot.booklets.booklet import Booklet, Chapter
from chatbot.booklets.pdf import write_pdf
from chatbot.errors import ReportFailed
from tests.chatbot.booklets.stories import MADE_AT, make_booklet, make_hostile


@pytest.fixture(scope="module")
def reader() -> PdfReader:
    """Give the story in French as it is read."""
    return PdfReader(BytesIO(write_pdf(make_booklet())))


def list_lines(reader: PdfReader, page: int) -> list[tuple[float, float, float, str]]:
    """Give the lines of a page: left, baseline, size of the type, text."""
    found: list[tuple[float, float, float, str]] = []

    def visit(text: str, _: Any, matrix: list[float], __: Any, size: float) -> None:
        if text.strip():
            found.append((matrix[4], matrix[5], size, text.strip()))

    reader.pages[page].extract_text(visitor_text=visit)
    return found


def test_page_is_a5_with_title_author_and_language(reader: PdfReader) -> None:
    """The file says what it is; the title page holds title and author, and no number."""
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [420, 595]
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Léa & le vent", "Pour Zoé")
    assert reader.root_object["/Lang"] == "fr"
    assert reader.pages[0].extract_text().split() == ["Léa", "&", "le", "vent", "Pour", "Zoé"]


def test_chapters_begin_pages_and_are_in_the_outline(reader: PdfReader) -> None:
    """Each chapter begins a page under its title and is found in the outline."""
    titles = [(entry.title, reader.get_destination_page_number(entry)) for entry in reader.outline]  # type: ignore[union-attr, arg-type]
    assert titles == [("Le vent du soir", 1), ("La baleine bleue", len(reader.pages) - 1)]
    for title, page in titles:
        assert title is not None and page is not None
        assert reader.pages[page].extract_text().lstrip().startswith(title)


def test_pages_are_numbered(reader: PdfReader) -> None:
    """Every page but the title page ends with its number."""
    numbers = [page.extract_text().split()[-1] for page in reader.pages][1:]
    assert numbers == [str(number) for number in range(2, len(reader.pages) + 1)]


def test_type_is_large_and_ragged_right(reader: PdfReader) -> None:
    """Text is set in 14 points with open lines, from one left edge, within the margins."""
    body = [line for line in list_lines(reader, 1) if line[2] == 14.0]
    assert len(body) > 8
    assert {round(x) for x, *_ in body if x < 60} == {52}
    baselines = sorted({round(y, 1) for _, y, *_ in body}, reverse=True)
    assert all(above - below >= 20.9 for above, below in pairwise(baselines))
    assert min(baselines) >= 66
    fonts = {str(font.get_object()["/BaseFont"]) for font in reader.pages[1]["/Resources"]["/Font"].values()}  # type: ignore[index]
    assert any("SourceSerif4" in font for font in fonts)


def test_no_line_of_a_paragraph_stands_alone() -> None:
    """Neither the first nor the last line of a paragraph is alone on a page, wherever the page ends."""
    for lines in range(12, 20):
        text = "\n\n".join(["Kurz."] * lines + [" ".join(f"wort{number:03}" for number in range(30))] * 2)
        reader = PdfReader(BytesIO(write_pdf(Booklet("T", "", "en", (Chapter("C", text),), MADE_AT))))
        for page in range(1, len(reader.pages)):
            words = [
                w for _, _, size, text in list_lines(reader, page) if size == 14.0 for w in [text.split()]
            ]
            long = [line for line in words if line[0].startswith("wort")]
            if long:
                assert len(long) > 1


def test_hostile_texts_stay_text() -> None:
    """Whatever stands in titles and texts is shown as its characters; no address is in the file to be fetched."""
    data = write_pdf(make_hostile())
    reader = PdfReader(BytesIO(data))
    text = "".join(page.extract_text() for page in reader.pages)
    for shown in ("<script>alert(1)</script>", '<b onclick="x">hi</b>', "abc", "<&>\"']]>{title}"):
        assert shown in text
    assert not any("/Annots" in page or "/AA" in page for page in reader.pages)
    assert not {"/OpenAction", "/AcroForm", "/Names"} & set(reader.root_object)


def test_long_title_is_set_smaller() -> None:
    """A long title is whole on its page, in smaller type the longer it is."""
    sizes = []
    for words in (2, 14, 25):
        title = " ".join(f"Wort{number:02}" for number in range(words))
        reader = PdfReader(BytesIO(write_pdf(Booklet(title, "", "de", (), MADE_AT))))
        assert reader.pages[0].extract_text().split()[:words] == title.split()
        sizes.append(list_lines(reader, 0)[0][2])
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_title_stands_above_those_of_chapters() -> None:
    """However long the story's title is, it is larger than a chapter's, and that larger than the text."""
    for title in ("Nour", "wide words " * 30):
        chapters = (Chapter("The voice", "It coughed."),)
        reader = PdfReader(BytesIO(write_pdf(Booklet(title, "For Zoe", "en", chapters, MADE_AT))))
        front, (heading, text, *_) = list_lines(reader, 0), list_lines(reader, 1)
        assert front[0][2] > heading[2] > text[2]
        # The author's line keeps clear of the frame.
        assert front[-1][3] == "For Zoe" and front[-1][1] > 40


def test_story_without_chapters_is_a_title_page() -> None:
    """An empty story is a book of one page."""
    assert len(PdfReader(BytesIO(write_pdf(Booklet("T", "", "en", (), MADE_AT)))).pages) == 1


def test_layout_is_given_up_after_a_while() -> None:
    """A layout that takes too long ends, and says what to do instead."""
    with pytest.raises(ReportFailed, match="Take it as EPUB instead"):
        write_pdf(make_booklet(), deadline_s=-1)


@pytest.mark.needs("poppler")
def test_title_page_is_drawn(tmp_path: Path) -> None:
    """The ornament is on the first page: the moon's gold and the frame's green."""
    (tmp_path / "b.pdf").write_bytes(write_pdf(Booklet("T", "", "en", (), MADE_AT)))
    subprocess.run(["pdftoppm", "-r", "30", str(tmp_path / "b.pdf"), str(tmp_path / "b")], check=True)
    pixels = next(tmp_path.glob("*.ppm")).read_bytes()[-(175 * 248 * 3) :]
    colors = {pixels[start : start + 3] for start in range(0, len(pixels) - 2, 3)}
    assert bytes.fromhex("e0a526") in colors
    assert any(red < 120 < green for red, green, _ in colors)
