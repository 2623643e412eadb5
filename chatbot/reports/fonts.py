"""Which glyph shows a character: faces from pip packages, in order of preference, and instances made for one document.

A variable font is embedded as it is where its default instance is the one wanted. Elsewhere (bold; Chinese,
Japanese and Korean, whose default is the thinnest weight) the few glyphs of the document are drawn at that weight
into a small static font: 0.1 s for 300 ideographs, where instantiating the whole font takes half a minute.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.filterPen import DecomposingFilterPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont as SourceFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont as EmbeddedFont

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


@cache
def open_face(face: Face) -> OpenFace:
    """Open a font file once per process."""
    return OpenFace(face)


@dataclass(slots=True)
class DocumentFonts:
    """The fonts of one document: finds a glyph for every character, then makes and registers what was used.

    Only one document may be made at a time in a process, for reportlab's registry of fonts is global.
    """

    ideographs: str = "SC"
    _found: dict[tuple[bool, bool, bool, str], tuple[str, float] | None] = field(default_factory=dict)
    _used: dict[tuple[Face, int], set[str]] = field(default_factory=dict)

    @classmethod
    def for_text(cls, text: str) -> DocumentFonts:
        """Choose the shapes of ideographs: Japanese where there is kana, Korean where there is hangul."""
        if re.search("[\u3040-\u30ff]", text):
            return cls("JP")
        return cls("KR" if re.search("[\u1100-\u11ff\uac00-\ud7af]", text) else "SC")

    def find(self, character: str, *, mono: bool, bold: bool, italic: bool) -> tuple[str, float] | None:
        """Find the font that shows a character.

        Returns:
            (name of the font for reportlab, width as a share of the size), or None where no font has it.
        """
        key = (mono, bold, italic, character)
        if key not in self._found:
            self._found[key] = self._choose(character, mono=mono, bold=bold, italic=italic)
        return self._found[key]

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
            pdfmetrics.registerFont(EmbeddedFont(f"guichet-{face.name}-{weight}", io.BytesIO(data)))

    def _is_shown(self, character: str) -> bool:
        if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp"):
            return False
        return self.find(character, mono=False, bold=False, italic=False) is not None

    def _choose(self, character: str, *, mono: bool, bold: bool, italic: bool) -> tuple[str, float] | None:
        for face in self._candidates(character, mono=mono, italic=italic):
            opened = open_face(face)
            if ord(character) not in opened.names:
                continue
            weight = face.weight(bold)
            if weight is None:
                return opened.embedded().fontName, opened.advance(character, None)
            self._used.setdefault((face, weight), set()).add(character)
            return f"guichet-{face.name}-{weight}", opened.advance(character, weight)
        return None

    def _candidates(self, character: str, *, mono: bool, italic: bool) -> Iterator[Face]:
        yield MONO if mono else ITALIC if italic else SANS
        if character < "\u0530":
            yield SANS
            yield from SYMBOLS
            return
        if _is_east_asian(character):
            yield CJK[self.ideographs]
            yield from (face for code, face in CJK.items() if code != self.ideographs)
        yield from FALLBACKS
        if not _is_east_asian(character):
            yield from CJK.values()


def _is_east_asian(character: str) -> bool:
    # Wide emoji too: a Chinese font has none, and asking it costs its opening.
    return unicodedata.east_asian_width(character) in "WFH" and not "\U0001f000" <= character <= "\U0001faff"
