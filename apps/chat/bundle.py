"""Makes the widget's one file from its readable sources: `make widget`.

The sources are `assets/widget/`: the style of the frame and scripts that share one scope, in the order of their names.
The style of what is shown in a conversation is made beside it: it is sent with the words, once the widget is opened.
What is made is kept in the repository, so that the service needs no tool for it; a test makes it again.
"""

from __future__ import annotations

import json

from apps.chat.widget import SOURCES, TALK_STYLE, WIDGET
from apps.chat.widget_texts import FIRST, gather_words

HEAD = "/* Guichet: made by `make widget` from assets/widget. */\n"


def bundle_widget() -> str:
    """Give the widget as one script without what only its authors need."""
    # A tool of the tests' requirements: the service only serves what was made.
    import minify

    style = _shrink_style("style.css")
    first = {language: {name: gather_words(language)[name] for name in FIRST} for language in ("en", "fr")}
    scripts = [path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.js"))]
    constants = f"const STYLE={json.dumps(style)},FIRST_WORDS={json.dumps(first, ensure_ascii=False)};"
    whole = "\n".join(['(() => {"use strict";', constants, *scripts, "})();"])
    return f"{HEAD}{minify.string('application/javascript', whole)}\n"


def bundle_talk_style() -> str:
    """Give the style of what is shown in a conversation."""
    return f"{_shrink_style('talk.css')}\n"


def _shrink_style(name: str) -> str:
    import minify

    return str(minify.string("text/css", (SOURCES / name).read_text(encoding="utf-8")))


if __name__ == "__main__":
    WIDGET.write_text(bundle_widget(), encoding="utf-8")
    TALK_STYLE.write_text(bundle_talk_style(), encoding="utf-8")
