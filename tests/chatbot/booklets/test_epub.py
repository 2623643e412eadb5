"""A booklet's EPUB keeps the rules of EPUB 3.3, part by part, whatever its texts hold."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from xml.etree import ElementTree

import pytest

from chatbot.booklets.booklet import Booklet, Chapter
from chatbot.booklets.epub import write_epub
from tests.chatbot.booklets.stories import MADE_AT, make_booklet, make_hostile

OPF = "{http://www.idpf.org/2007/opf}"
DC = "{http://purl.org/dc/elements/1.1/}"
XHTML = "{http://www.w3.org/1999/xhtml}"
OPS = "{http://www.idpf.org/2007/ops}"
BOOKS = {"story": make_booklet(), "hostile": make_hostile(), "empty": Booklet("", "", "en", (), MADE_AT)}


def read_xml(data: bytes) -> ElementTree.Element:
    """Parse a part by a parser that takes nothing that is not well-formed."""
    return ElementTree.fromstring(data)  # noqa: S314 - of our own making


def open_book(booklet: Booklet) -> dict[str, bytes]:
    """Give the files of an EPUB by name."""
    with zipfile.ZipFile(io.BytesIO(write_epub(booklet))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def read_manifest(files: Mapping[str, bytes]) -> dict[str, ElementTree.Element]:
    """Give the items of the package by their ids."""
    package = read_xml(files["EPUB/package.opf"])
    items = package.findall(f"{OPF}manifest/{OPF}item")
    assert len({item.get("id") for item in items}) == len(items)
    return {str(item.get("id")): item for item in items}


@pytest.fixture(params=BOOKS)
def booklet(request: pytest.FixtureRequest) -> Booklet:
    """Give a story, a hostile one, an empty one."""
    return BOOKS[str(request.param)]


def test_container_is_known_by_its_first_bytes(booklet: Booklet) -> None:
    """The first entry is `mimetype`, stored, without extra field; the container leads to the package."""
    data = write_epub(booklet)
    assert data[30:58] == b"mimetypeapplication/epub+zip"
    assert data[8:10] == b"\0\0"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        root = read_xml(archive.read("META-INF/container.xml"))
    rootfile = next(item for item in root.iter() if item.tag.endswith("rootfile"))
    assert rootfile.get("full-path") == "EPUB/package.opf"
    assert rootfile.get("media-type") == "application/oebps-package+xml"


def test_package_has_what_it_must(booklet: Booklet) -> None:
    """Identifier, title, language, one time of modification, and what it says of its accessibility."""
    package = read_xml(open_book(booklet)["EPUB/package.opf"])
    metadata = package.find(f"{OPF}metadata")
    assert metadata is not None
    assert package.get("version") == "3.0"
    identifier = metadata.find(f"{DC}identifier")
    assert identifier is not None and identifier.get("id") == package.get("unique-identifier")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", identifier.text or "")
    for name in ("title", "language", "creator"):
        assert (metadata.findtext(f"{DC}{name}") or "").strip()
    facts = [(item.get("property"), item.text) for item in metadata.findall(f"{OPF}meta")]
    assert [text for name, text in facts if name == "dcterms:modified"] == ["2026-03-01T18:30:00Z"]
    assert ("schema:accessMode", "textual") in facts
    assert ("schema:accessibilityHazard", "none") in facts
    assert ("schema:accessibilityFeature", "tableOfContents") in facts


def test_manifest_lists_every_file_once(booklet: Booklet) -> None:
    """Each file but those of the container is listed with its type; each listed file is there."""
    files = open_book(booklet)
    items = read_manifest(files)
    hrefs = [f"EPUB/{item.get('href')}" for item in items.values()]
    assert sorted([*hrefs, "mimetype", "META-INF/container.xml", "EPUB/package.opf"]) == sorted(files)
    for item in items.values():
        wanted = "text/css" if str(item.get("href")).endswith(".css") else "application/xhtml+xml"
        assert item.get("media-type") == wanted
    assert [name for name, item in items.items() if item.get("properties") == "nav"] == ["nav"]


def test_spine_reads_title_contents_chapters(booklet: Booklet) -> None:
    """The reading order holds every XHTML file once, from the title page to the last chapter."""
    files = open_book(booklet)
    package = read_xml(files["EPUB/package.opf"])
    spine = [item.get("idref") for item in package.findall(f"{OPF}spine/{OPF}itemref")]
    chapters = [f"chapter-{number}" for number in range(1, len(booklet.chapters) + 1)]
    assert spine == ["title", "nav", *chapters]
    assert set(spine) == set(read_manifest(files)) - {"style"}


def test_contents_lead_to_every_chapter(booklet: Booklet) -> None:
    """The navigation is one list of links, none empty, each to a file of the spine."""
    files = open_book(booklet)
    root = read_xml(files["EPUB/nav.xhtml"])
    nav = [item for item in root.iter(f"{XHTML}nav") if item.get(f"{OPS}type") == "toc"]
    assert len(nav) == 1
    links = [*nav[0].iter(f"{XHTML}a")]
    assert all("".join(link.itertext()).strip() for link in links)
    hrefs = [f"EPUB/{link.get('href')}" for link in links]
    assert hrefs == [name for name in files if name.endswith(".xhtml") and name != "EPUB/nav.xhtml"]


def test_every_page_is_well_formed_and_harmless(booklet: Booklet) -> None:
    """XHTML with a language and a title; ids once; nothing that runs, nothing fetched, links to the web alone."""
    for name, data in open_book(booklet).items():
        if not name.endswith(".xhtml"):
            continue
        root = read_xml(data)
        assert root.get("lang") == root.get("{http://www.w3.org/XML/1998/namespace}lang")
        assert (root.findtext(f"{XHTML}head/{XHTML}title") or "").strip()
        ids = [item.get("id") for item in root.iter() if item.get("id")]
        assert len(set(ids)) == len(ids)
        tags = {item.tag.removeprefix(XHTML) for item in root.iter()}
        assert not tags & {"script", "img", "iframe", "object", "form", "style", "b", "input", "svg"}
        for item in root.iter():
            assert item.tag.startswith(XHTML)
            assert not {
                key for key in item.attrib if key.startswith("on") or key in ("src", "style", "align")
            }
            href = item.get("href", "")
            assert not href or href == "style.css" or re.match(r"(https?://|[\w-]+\.xhtml$)", href)


def test_text_of_a_story_is_there() -> None:
    """Chapters under their titles with their markup; hostile markup is shown as its characters."""
    files = open_book(BOOKS["story"])
    chapter = files["EPUB/chapter-2.xhtml"].decode()
    for shown in (
        '<h2 id="heading">La baleine bleue</h2>',
        "<em>écouter</em>",
        "<blockquote>",
        "<li>une étoile</li>",
    ):
        assert shown in chapter
    assert "Table des matières" in files["EPUB/nav.xhtml"].decode()
    assert "<dc:creator>Pour Zoé</dc:creator>" in files["EPUB/package.opf"].decode()
    root = read_xml(open_book(BOOKS["hostile"])["EPUB/chapter-1.xhtml"])
    text = "".join(root.itertext())
    for shown in (
        "<script>alert(1)</script>",
        '<b onclick="x">hi</b>',
        "<!-- c -->",
        "<![CDATA[x]]>",
        "العربية",
        "©",
    ):
        assert shown in text
    assert root.find(f".//{XHTML}h1") is None
    assert root.find(f".//{XHTML}h5") is not None


def test_same_story_gives_the_same_file() -> None:
    """Same texts, same bytes; another text has another identifier."""
    assert write_epub(make_booklet()) == write_epub(make_booklet())
    packages = [
        open_book(booklet)["EPUB/package.opf"]
        for booklet in (make_booklet(Chapter("A", "b")), make_booklet())
    ]
    assert len({re.findall(rb"urn:uuid:[^<]+", package)[0] for package in packages}) == 2
