"""Stories as a model tells them, and as nobody should."""

from __future__ import annotations

from datetime import UTC, datetime

from chatbot.booklets.booklet import Booklet, Chapter

MADE_AT = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
PARAGRAPH = (
    "Chaque soir, Léa montait sur la colline pour *écouter* le vent, et le vent lui racontait des histoires de "
    "**pirates** et de baleines. « Viens, disait-il, je t’emmène ! »\n\n— Où ça ? demandait Léa.\n\n"
)
CHAPTERS = (
    Chapter("Le vent du soir", PARAGRAPH * 8),
    Chapter(
        "La baleine bleue",
        f"{PARAGRAPH * 2}\n***\n\n> Une chanson\n> ancienne\n\n- une étoile\n- deux lunes\n",
    ),
)
HOSTILE_TITLE = "<script>alert(1)</script> & \x00\x08\ufffe\ud800{x} ]]>"
HOSTILE = (
    '<b onclick="x">hi</b> <img src="http://evil.example/x.png"> ![pic](http://evil.example/y.png) '
    "[a](javascript:alert(1)) [b](https://ok.example/?a=1&b=2) &nbsp; &copy; &foo; <!-- c --> <?pi?> <![CDATA[x]]>\n\n"
    "|a|b|\n|:-:|--:|\n|1|2|\n\n`code` ~~x~~ [1]\n\n```html\n<x>\n```\n\n### Third\n\n1. a\n   - b\n\n5) c  \nbr\n\n"
    "\u202eabc العربية 中文 🌙 \x0b\x85\n\n" + "x" * 3_000
)


def make_booklet(*chapters: Chapter, title: str = "Léa & le vent", author: str = "Pour Zoé") -> Booklet:
    """Give a booklet in French, of these chapters or of a story's."""
    return Booklet(title, author, "fr", chapters or CHAPTERS, MADE_AT)


def make_hostile() -> Booklet:
    """Give a booklet all of whose texts are hostile."""
    chapters = (
        Chapter(HOSTILE_TITLE, HOSTILE),
        Chapter("", ""),
        Chapter("\x00\u200b", "&nbsp;"),
        Chapter('"' * 500, "x"),
    )
    return Booklet("<&>\"'\x01]]>{title}", "\x02</dc:creator>", 'fr"><x', chapters, MADE_AT)
