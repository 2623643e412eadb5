"""Changes single fields in the YAML of a definition: all the rest of it, its comments too, stays as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml

Path = Sequence[int | str]
WIDTH = 110
# libyaml, where it is there: the writers' definitions are long, and each change reads one three times.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Writer(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and items of lists under their field as the shipped files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _write_text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _write_text)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a change is written: a field of a mapping in block style, as far down the path as there is one."""

    depth: int
    mapping: yaml.MappingNode
    field: yaml.Node | None
    value: yaml.Node | None


def write_definition(data: Mapping[str, Any]) -> str:
    """Write a definition's data as YAML, fields in their order."""
    return yaml.dump(
        dict(data), Dumper=_Writer, allow_unicode=True, sort_keys=False, width=WIDTH, default_flow_style=False
    )


def read_data(text: str) -> Any:
    """Give what a definition's text says, right or not.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one either way


def amend(text: str, path: Path, value: Any) -> str:
    """Set a field of a definition.

    Args:
        text: a mapping in YAML.
        path: names of fields and places in lists, from the outside; the last one names a field.
        value: what it is to be; None to leave the field out.

    Returns:
        The text with that field written anew. Where it cannot be done so (an anchor that others refer to), the whole
        is written anew.

    Raises:
        ValueError: the path leads to nothing.
        yaml.YAMLError: the text is no YAML.
    """
    wanted = read_data(text) or {}
    if _read(wanted, path) == value:
        return text
    _set(wanted, path, value)
    root = yaml.compose(text, Loader=_LOADER)
    if isinstance(root, yaml.MappingNode) and not root.flow_style and root.value:
        place = _find_place(root, path)
        amended = _write_at(text, place, path, _read(wanted, path[: place.depth + 1]))
        if _says(amended, wanted):
            return amended
    return write_definition(wanted)


def _read(data: Any, path: Path) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _set(data: Any, path: Path, value: Any) -> None:
    for place, step in enumerate(path[:-1]):
        if isinstance(data, dict) and not isinstance(step, int):
            data = data.setdefault(step, {})
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            raise ValueError(f"{'.'.join(map(str, path[: place + 1]))} is not in this definition")
    if not isinstance(data, dict):
        raise ValueError(f"{'.'.join(map(str, path[:-1]))} is no mapping of fields")
    if value is None:
        data.pop(path[-1], None)
    else:
        data[path[-1]] = deepcopy(value)


def _find_place(root: yaml.MappingNode, path: Path) -> _Place:
    place = _Place(0, root, None, None)
    node: yaml.Node | None = root
    for depth, step in enumerate(path):
        if isinstance(node, yaml.MappingNode):
            field, value = next(
                ((key, found) for key, found in node.value if key.value == step), (None, None)
            )
            if not node.flow_style and node.value:
                place = _Place(depth, node, field, value)
            node = value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        else:
            break
    return place


def _write_at(text: str, place: _Place, path: Path, value: Any) -> str:
    """Replace the lines of the field, or add them below the last one of its mapping."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    column = place.mapping.value[0][0].start_mark.column
    written = _indent(write_definition({str(path[place.depth]): value}), column) if value is not None else []
    if place.field is not None and place.value is not None:
        first, last = place.field.start_mark.line, _find_end(lines, place.field, place.value)
        # In the first line of a list's item stands its dash.
        head = lines[first][:column]
        if head.strip() and written:
            written[0] = head + written[0][column:]
        return "".join([*lines[:first], *written, *lines[last:]])
    key, node = place.mapping.value[-1]
    last = _find_end(lines, key, node)
    return "".join([*lines[:last], *written, *lines[last:]])


def _find_end(lines: Sequence[str], field: yaml.Node, value: yaml.Node) -> int:
    """Give the line after a field; the comments and empty lines that follow it belong to what comes next."""
    mark = value.end_mark
    last = mark.line + 1 if mark.column and lines[mark.line][: mark.column].strip() else mark.line
    while last > field.start_mark.line + 1 and _is_between(lines[last - 1], value):
        last -= 1
    return max(last, field.start_mark.line + 1)


def _is_between(line: str, value: yaml.Node) -> bool:
    bare = line.strip()
    is_block = isinstance(value, yaml.ScalarNode) and value.style in ("|", ">")
    # A line that begins with # within a text is a part of it; one of the outermost column cannot be.
    return not bare or (bare.startswith("#") and (not is_block or line.startswith("#")))


def _indent(text: str, column: int) -> list[str]:
    return [" " * column + line if line.strip() else line for line in text.splitlines(keepends=True)]


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool(read_data(text) == wanted)
    except yaml.YAMLError:
        return False
