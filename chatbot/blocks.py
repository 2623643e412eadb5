"""Markdown read into blocks that keep their source, the containers of site generators among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from chatbot.containers import find_containers, find_end, read_container
from chatbot.containers import track_fence as track_fence

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

BlockKind = Literal["text", "heading", "list", "table", "code", "quote", "html", "rule", "container"]

# A line that begins with none of these cannot end the paragraph before it, unless the next begins a table's rule.
_SPECIAL = frozenset("#>*+-_=`~<|:!?/{0123456789")
_TABLE_RULE = frozenset("|-:")
_CONTAINER_STARTS = frozenset("=!?:/{>")
_KINDS: dict[str, BlockKind] = {
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "html_block": "html",
    "heading_open": "heading",
    "hr": "rule",
    "container": "container",
    "container_code": "code",
}


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a document: its kind and its lines as they stand in the source, without a line end after them.

    A heading has its `level` and its `content`, the words with their markup.
    """

    kind: BlockKind
    text: str
    level: int = 0
    content: str = ""


def split_blocks(lines: Sequence[str]) -> tuple[Block, ...]:
    """Read lines of Markdown into blocks, none overlapping, in order; blank lines between them are dropped.

    Link definitions and whatever else makes no block of its own are text.
    """
    blocks: list[Block] = []
    position = 0
    for token, content in _read_tokens(lines):
        start, end = token.map or (0, 0)
        _add(blocks, "text", lines[position:start])
        if token.type == "heading_open":
            text = "\n".join(lines[start:end]).strip("\n")
            blocks.append(Block("heading", text, int(token.tag[1]), content))
        else:
            _add(blocks, _KINDS.get(token.type, "text"), lines[start:end])
        position = end
    _add(blocks, "text", lines[position:])
    return tuple(blocks)


def open_container(block: Block) -> tuple[str, list[str]]:
    """Read a container: its title (empty where it names none) and the lines of its body, unwrapped."""
    container = read_container(block.text)
    return container.title, list(container.body)


@lru_cache(maxsize=1)
def block_parser() -> MarkdownIt:
    """Build the parser of block structure alone: the inline rules would take most of the time for nothing."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    ended = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("table", "container", _read_container, {"alt": ended})
    parser.block.ruler.disable("lheading")
    parser.block.ruler.at("paragraph", _read_paragraph)
    return parser


def _read_tokens(lines: Sequence[str]) -> list[tuple[Token, str]]:
    """Parse lines; give the tokens that open a block of the page itself, each with the text of the token after it."""
    if not any(line.strip() for line in lines):
        return []
    env = {"lines": lines, "closed": find_containers(lines)}
    tokens = block_parser().parse("\n".join(lines), env)
    return [
        (token, following.content)
        for token, following in pairwise([*tokens, *tokens[-1:]])
        if token.level == 0 and token.nesting >= 0 and token.map
    ]


def _add(blocks: list[Block], kind: BlockKind, lines: Sequence[str]) -> None:
    text = "\n".join(lines).rstrip()
    while text.startswith("\n"):
        text = text[1:]
    if text:
        blocks.append(Block(kind, text))


def _read_container(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """Parse a container that begins at the page's margin; a rule of markdown-it."""
    if state.sCount[start] != 0 or _first_character(state, start) not in _CONTAINER_STARTS:
        return False
    found = find_end(state.env["lines"], start, state.env["closed"]) if silent or state.level == 0 else None
    if found is None:
        return False
    if not silent:
        state.line = found[0]
        token = state.push("container" if found[1] == "container" else "container_code", "", 0)
        token.map = [start, found[0]]
    return True


def _read_paragraph(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """Parse a paragraph or the setext heading it turns out to be; a rule of markdown-it.

    It replaces two rules that each try every other rule on every line: this one passes over lines that begin with
    a letter, which makes long texts three times as fast.
    """
    if silent:
        return False
    line = start + 1
    level = 0
    parent, state.parentType = state.parentType, "paragraph"
    terminators = state.md.block.ruler.getRules("paragraph")
    while line < state.lineMax and not state.isEmpty(line):
        # Deeper indented lines go on with the paragraph; negative ones were looked at by the quote around.
        if 0 <= state.sCount[line] <= state.blkIndent + 3:
            first = _first_character(state, line)
            if first in _SPECIAL or _first_character(state, line + 1) in _TABLE_RULE:
                level = _read_underline(state, line)
                if level or any(rule(state, line, state.lineMax, True) for rule in terminators):
                    break
        line += 1
    state.parentType = parent
    content = state.getLines(start, line, state.blkIndent, False).strip()
    state.line = line + 1 if level else line
    kind, tag = ("heading", f"h{level}") if level else ("paragraph", "p")
    state.push(f"{kind}_open", tag, 1).map = [start, state.line]
    inline = state.push("inline", "", 0)
    inline.map, inline.content, inline.children = [start, line], content, []
    state.push(f"{kind}_close", tag, -1)
    return True


def _first_character(state: StateBlock, line: int) -> str:
    if line >= state.lineMax:
        return ""
    position = state.bMarks[line] + state.tShift[line]
    return state.src[position : position + 1]


def _read_underline(state: StateBlock, line: int) -> int:
    """Tell the level of the heading that a line of `=` or `-` makes of the lines before it; 0 = it is none."""
    if state.sCount[line] < state.blkIndent:
        return 0
    text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip(" \t")
    if not text or text.strip(text[0]):
        return 0
    return {"=": 1, "-": 2}.get(text[0], 0)
