"""Which glyph shows a character: faces from pip packages, in order of preference, and instances made for one document.

A variable font is embedded as it is where its default instance is the one wanted. Elsewhere (bold; Chinese,
Japanese and Korean, whose default is the thinnest weight) the few glyphs of the document are drawn at that weight
into a small static font: 0.1 s for 300 ideographs, where instantiating the whole font takes half a minute.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.filterPen import DecomposingFilterPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont as SourceFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFDocument
from reportlab.pdfbase.ttfonts import SUBSETN, TTFont

_NOTO = ("manimgx_fonts", "{}[wght].ttf")
_CJK = ("justmytype_intl_cjk", "fonts/ofl/{}.ttf")
_WESTERN = ("justmytype_western_core", "fonts/ofl/{}.ttf")

_SCRIPTS = (
    *(
        "Arabic",
        "Hebrew",
        "Devanagari",
        "Thai",
        "Armenian",
        "Georgian",
        "Bengali",
        "Tamil",
        "Telugu",
        "Gujarati",
    ),
    *("Gurmukhi", "Kannada", "Malayalam", "Oriya", "Sinhala", "Lao", "Khmer", "Myanmar", "Ethiopic"),
)
_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")
"""Characters that are meant to show nothing. Other invisible ones (overrides of direction, tags) get a stand-in:
a report should show what a tester or a document tried to hide."""


@dataclass(frozen=True, slots=True)
class Face:
    """A font file of a pip package and the weights at which it is used.

    `default_weight` is the weight of the outlines as they lie in the file; None = the file has one weight only.
    """

    name: str
    package: str
    path: str
    default_weight: int | None = 400

    def weight(self, bold: bool) -> int | None:
        """Give the weight to show text at, or None where the file's own outlines are right."""
        wanted = 700 if bold else 400
        return None if self.default_weight in (None, wanted) else wanted


def _noto(name: str) -> Face:
    return Face(name, _NOTO[0], _NOTO[1].format(name))


SANS = _noto("NotoSans")
ITALIC = _noto("NotoSans-Italic")
MONO = Face("NotoSansMono", _WESTERN[0], _WESTERN[1].format("notosansmono/NotoSansMono[wdth,wght]"))
SERIF = Face("SourceSerif4", _WESTERN[0], _WESTERN[1].format("sourceserif4/SourceSerif4[opsz,wght]"))
SERIF_ITALIC = Face(
    "SourceSerif4-Italic", _WESTERN[0], _WESTERN[1].format("sourceserif4/SourceSerif4-Italic[opsz,wght]")
)
CJK = {
    code: Face(
        f"NotoSans{code}", _CJK[0], _CJK[1].format(f"notosans{code.lower()}/NotoSans{code}[wght]"), 100
    )
    for code in ("SC", "JP", "KR", "TC")
}
SYMBOLS = (
    _noto("NotoSansSymbols"),
    Face(
        "NotoSansSymbols2", _WESTERN[0], _WESTERN[1].format("notosanssymbols2/NotoSansSymbols2-Regular"), None
    ),
    _noto("NotoEmoji"),
)
FALLBACKS = (*(_noto(f"NotoSans{script}") for script in _SCRIPTS), SANS, MONO, *SYMBOLS)


class EmbeddedFont(TTFont):
    """A font whose text can be copied out of the PDF as it was written.

    reportlab writes a code above U+FFFF as five digits, which readers refuse, and gives the joined forms of Arabic
    letters, which no search finds.
    """

    def addObjects(self, doc: PDFDocument) -> None:  # noqa: N802
        """Add the font's objects to a document and put right what its codes stand for."""
        subsets = [list(subset) for subset in self.state[doc].subsets]
        super().addObjects(doc)
        for number, subset in enumerate(subsets):
            name = b"".join((SUBSETN(number), b"+", self.face.name, self.face.subfontNameX)).decode("latin-1")
            stream = doc.idToObject[f"toUnicodeCMap:{name}"]
            stream.content = _map_codes(name, subset)  # type: ignore[attr-defined]


def _map_codes(name: str, subset: Sequence[int]) -> str:
    """Write the CMap that gives the text of each code of a subset (Adobe Technical Note 5411)."""
    entries = [f"<{code:02X}> <{_written(character)}>" for code, character in enumerate(subset)]
    blocks = [entries[start : start + 100] for start in range(0, len(entries), 100)]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            f"/CIDSystemInfo << /Registry ({name}) /Ordering ({name}) /Supplement 0 >> def",
            f"/CMapName /{name} def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            f"<00> <{len(subset) - 1:02X}>",
            "endcodespacerange",
            *(line for block in blocks for line in (f"{len(block)} beginbfchar", *block, "endbfchar")),
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        ]
    )


def _written(code: int) -> str:
    character = chr(code)
    if "\ufb50" <= character <= "\ufdff" or "\ufe70" <= character <= "\ufefc":
        plain = unicodedata.normalize("NFKC", character)
        # A ligature's letters come in drawing order, as all text of a line does.
        character = plain[::-1] if len(plain) > 1 else plain
    return character.encode("utf-16-be").hex().upper()


class OpenFace:
    """A face that was opened: its characters, advances and outlines. One per process; not safe across threads."""

    def __init__(self, face: Face) -> None:
        self.face = face
        location = files(face.package).joinpath(*face.path.split("/"))
        self._data = location.read_bytes()
        self.source = SourceFont(io.BytesIO(self._data), lazy=True)
        self.names: dict[int, str] = self.source.getBestCmap()
        self.units = int(self.source["head"].unitsPerEm)
        self._outlines: dict[int, Any] = {}
        self._glyphs: dict[tuple[int, str], tuple[Any, int]] = {}
        self._embedded: EmbeddedFont | None = None

    def embedded(self) -> EmbeddedFont:
        """Give the file as it lies on the disk, at its default weight, registered with reportlab."""
        if self._embedded is None:
            self._embedded = EmbeddedFont(f"guichet-{self.face.name}", io.BytesIO(self._data))
            pdfmetrics.registerFont(self._embedded)
        return self._embedded

    def advance(self, character: str, weight: int | None) -> float:
        """Give a character's width as a share of the font size."""
        name = self.names[ord(character)]
        if weight is None:
            return float(self.source["hmtx"][name][0]) / self.units
        return self._glyph(name, weight)[1] / self.units

    def instance(self, characters: set[str], weight: int) -> bytes:
        """Draw the glyphs of some characters at a weight into a static TrueType font."""
        codes = {ord(character): self.names[ord(character)] for character in characters}
        names = [".notdef", *sorted(set(codes.values()) - {".notdef"})]
        drawn = {name: self._glyph(name, weight) for name in names}
        builder = FontBuilder(self.units, isTTF=True)
        builder.setupGlyphOrder(names)
        builder.setupCharacterMap(codes)
        builder.setupGlyf({name: outline for name, (outline, _) in drawn.items()})
        table = builder.font["glyf"]
        builder.setupHorizontalMetrics(
            {name: (advance, getattr(table[name], "xMin", 0)) for name, (_, advance) in drawn.items()}
        )
        metrics = self.source["hhea"]
        builder.setupHorizontalHeader(ascent=metrics.ascent, descent=metrics.descent)
        name = f"{self.face.name}-{weight}"
        builder.setupNameTable({"familyName": name, "styleName": "Regular", "psName": name})
        builder.setupOS2(sTypoAscender=metrics.ascent, sTypoDescender=metrics.descent)
        builder.setupPost(keepGlyphNames=False)
        target = io.BytesIO()
        builder.save(target)
        return target.getvalue()

    def _glyph(self, name: str, weight: int) -> tuple[Any, int]:
        key = (weight, name)
        if key not in self._glyphs:
            if weight not in self._outlines:
                self._outlines[weight] = self.source.getGlyphSet(location={"wght": weight, "wdth": 100})
            outlines = self._outlines[weight]
            pen = TTGlyphPen(None)
            outlines[name].draw(DecomposingFilterPen(pen, outlines))
            self._glyphs[key] = (pen.glyph(), round(outlines[name].width))
        return self._glyphs[key]


@dataclass(frozen=True, slots=True)
class Found:
    """A character's font: its name for reportlab, the character's width as a share of the size, its face."""

    font: str
    width: float
    face: Face


@cache
def open_face(face: Face) -> OpenFace:
    """Open a font file once per process."""
    return OpenFace(face)


@dataclass(slots=True)
class DocumentFonts:
    """The fonts of one document: finds a glyph for every character, then makes and registers what was used.

    Only one document may be made at a time in a process, for reportlab's registry of fonts is global.
    """

    _found: dict[tuple[str, str, bool, bool, bool, bool], Found | None] = field(default_factory=dict)
    _used: dict[tuple[Face, int], set[str]] = field(default_factory=dict)

    def find(
        self,
        character: str,
        *,
        mono: bool = False,
        bold: bool = False,
        italic: bool = False,
        serif: bool = False,
        region: str = "SC",
    ) -> Found | None:
        """Find the font that shows a character; None where no font has it.

        Args:
            character: one code point.
            region: a key of `CJK`, whose shapes of ideographs are preferred.
        """
        key = (character, region, mono, bold, italic, serif)
        if key not in self._found:
            candidates = _candidates(character, region, mono=mono, italic=italic, serif=serif)
            self._found[key] = next(
                filter(None, (self._take(face, character, bold) for face in candidates)), None
            )
        return self._found[key]

    def find_space(self, face: Face, *, bold: bool) -> Found | None:
        """Find the space of the face that shows the character beside it, so that a run of text stays one."""
        return self._take(face, " ", bold)

    def prepare(self, text: str) -> str:
        """Drop what is meant to be invisible, and write out what no font shows as `[U+1F600]`."""
        seen = _UNSEEN.sub("", text)
        if seen.isascii() and seen.isprintable():
            return seen
        return "".join(
            character if character in "\n\t" or self._is_shown(character) else f"[U+{ord(character):04X}]"
            for character in seen
        )

    def register(self) -> None:
        """Make the instances that were used and tell reportlab of them; call it after layout, before drawing."""
        for (face, weight), characters in self._used.items():
            data = open_face(face).instance(characters, weight)
            font = EmbeddedFont(f"guichet-{face.name}-{weight}", io.BytesIO(data))
            # registerFont() keeps the first font of a name, which has the letters of an earlier document.
            pdfmetrics._fonts.pop(font.fontName, None)  # type: ignore[attr-defined]
            pdfmetrics._dynFaceNames.pop(font.face.name, None)  # type: ignore[attr-defined]
            pdfmetrics.registerFont(font)

    def _is_shown(self, character: str) -> bool:
        if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp"):
            return False
        return self.find(character) is not None

    def _take(self, face: Face, character: str, bold: bool) -> Found | None:
        opened = open_face(face)
        if ord(character) not in opened.names:
            return None
        weight = face.weight(bold)
        if weight is None:
            return Found(opened.embedded().fontName, opened.advance(character, None), face)
        self._used.setdefault((face, weight), set()).add(character)
        return Found(f"guichet-{face.name}-{weight}", opened.advance(character, weight), face)


def find_region(text: str) -> str:
    """Tell whose shapes the ideographs of a text should have: a key of `CJK`.

    Kana are Japanese, hangul Korean; else the first of mainland China, Japan and Taiwan that has all of them.
    """
    if re.search("[\u3040-\u30ff]", text):
        return "JP"
    if re.search("[\u1100-\u11ff\uac00-\ud7af]", text):
        return "KR"
    ideographs = {ord(character) for character in set(text) if "\u3400" <= character <= "\u9fff"}
    if not ideographs:
        return "SC"
    return next(
        (code for code in ("SC", "JP", "TC") if ideographs <= open_face(CJK[code]).names.keys()), "SC"
    )


def _candidates(character: str, region: str, *, mono: bool, italic: bool, serif: bool) -> Iterator[Face]:
    if serif and not mono:
        yield SERIF_ITALIC if italic else SERIF
    yield MONO if mono else ITALIC if italic else SANS
    if character < "\u0530":
        yield SANS
        yield from SYMBOLS
        return
    # Wide emoji are in none of the East Asian fonts, and asking costs their opening.
    is_wide = (
        unicodedata.east_asian_width(character) in "WFH" and not "\U0001f000" <= character <= "\U0001faff"
    )
    if not is_wide:
        yield from FALLBACKS
    yield CJK[region]
    yield from (face for code, face in CJK.items() if code != region)
    if is_wide:
        yield from FALLBACKS
