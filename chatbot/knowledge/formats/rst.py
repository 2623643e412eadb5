"""reStructuredText converted to Markdown, that of Sphinx included, by way of HTML."""

from __future__ import annotations

import re
from typing import Any

from chatbot.knowledge.formats.html import convert_html

_DIRECTIVE = re.compile(r"^\s*(?:\.\. |\|[^|]+\| )([\w:+.-]+)::", re.MULTILINE)
_ROLE = re.compile(r":([\w:+.-]+):`|`:([\w:+.-]+):")
_TARGET = re.compile(r"(.*?)\s*<[^<>]*>$", re.DOTALL)
# What Sphinx makes of these is no text: lists of pages, indexes, settings.
_NO_TEXT = frozenset(
    {
        "toctree",
        "index",
        "currentmodule",
        "module",
        "tabularcolumns",
        "sectionauthor",
        "codeauthor",
        "raw",
        "include",
    }
)
_CODE = frozenset({"code-block", "sourcecode", "literalinclude", "prompt", "testcode", "ipython"})
_SETTINGS = {
    # Nothing beside the document is read, and nothing it says can change this.
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "input_encoding": "unicode",
    "embed_stylesheet": False,
    "initial_header_level": 2,
    "doctitle_xform": True,
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "smart_quotes": False,
    "line_length_limit": 1_000_000,
}


def convert_rst(text: str) -> str:
    """Convert a document to Markdown; what Sphinx alone knows keeps its text."""
    from docutils.core import publish_parts

    _register(text)
    parts = publish_parts(text, writer="html5", settings_overrides=_SETTINGS)
    return convert_html(f"<main>{parts['html_title']}{parts['subtitle']}{parts['body']}</main>".encode())


def _register(text: str) -> None:
    """Make known to docutils every directive and role that the document uses and docutils does not know."""
    from docutils.parsers.rst import directives, roles
    from docutils.parsers.rst.languages import en

    known = {*en.directives, *directives._directives}
    for name in {name.lower() for name in _DIRECTIVE.findall(text)} - (known - _CODE):
        directives.register_directive(name, _make_directive(name))
    known_roles = {*en.roles, *roles._roles}
    names = {(before or behind).lower() for before, behind in _ROLE.findall(text)}
    for name in names - known_roles:
        roles.register_local_role(name, _read_role)


def _make_directive(name: str) -> Any:
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Unknown(Directive):  # type: ignore[misc]
        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        # Any option is taken, none is used.
        option_spec = _AnyOption()

        def run(self) -> list[nodes.Node]:
            if name in _NO_TEXT:
                return []
            title, _, rest = "".join(self.arguments).partition("\n")
            if name in _CODE:
                code = "\n".join(self.content)
                return (
                    [nodes.literal_block(code, code, classes=["code", f"language-{title or 'text'}"])]
                    if code
                    else []
                )
            found: list[nodes.Node] = []
            if title:
                words: nodes.Node = nodes.strong(title, title)
                if ":" in name or name in (
                    "option",
                    "envvar",
                    "confval",
                    "function",
                    "class",
                    "method",
                    "data",
                ):
                    words = nodes.literal(title, title)
                found.append(nodes.paragraph("", "", words))
            if rest:
                found.append(nodes.paragraph(rest, " ".join(rest.split())))
            box = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, box)
            return [*found, *box.children]

    return Unknown


class _AnyOption(dict[str, Any]):
    def __getitem__(self, name: str) -> Any:
        return lambda value: value

    def __bool__(self) -> bool:
        return True


def _read_role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = None
) -> tuple[list[Any], list[Any]]:
    """Give the words of a role of Sphinx: those before its target, or the target as code."""
    from docutils import nodes, utils

    words = utils.unescape(text)
    if match := _TARGET.fullmatch(words):
        return [nodes.inline(rawtext, match.group(1))], []
    if name in ("ref", "doc", "term", "guilabel", "menuselection", "numref", "abbr"):
        return [nodes.inline(rawtext, words.lstrip("~!/"))], []
    return [nodes.literal(rawtext, words.removeprefix("~").removeprefix("!"))], []
