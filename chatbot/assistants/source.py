"""The YAML of a definition: read safely, with the line of each field, so that a fault can name it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

Location = Sequence[int | str]


class Source:
    """A definition's text.

    Raises:
        ValueError: it is not YAML, not a mapping, or names a field twice; the line is in the message.
    """

    def __init__(self, text: str) -> None:
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            data = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f"line {mark.line + 1}: " if mark else ""
            raise ValueError(f"{line}not YAML: {' '.join(str(error.problem or error).split())}") from error
        except yaml.YAMLError as error:
            raise ValueError(" ".join(f"not YAML: {error}".split())) from error
        if not isinstance(data, dict):
            raise ValueError("line 1: not a definition: a mapping of fields is expected")
        _refuse_repeats(self._root)
        self.data: dict[str, Any] = {str(name): value for name, value in data.items()}

    def find_line(self, location: Location) -> int:
        """Give the line, from 1, of a field; of what is missing that of the field it is missing in."""
        node: Any = self._root
        line = 1
        for step in location:
            found = _descend(node, step)
            if found is None:
                break
            line, node = found
        return line


def _descend(node: Any, step: int | str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _refuse_repeats(node: Any) -> None:
    """YAML's loader takes the last of two fields of one name, without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value}: this field is there twice")
            seen.add(key.value)
            _refuse_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeats(item)
