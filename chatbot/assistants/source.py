"""The YAML of a definition: read safely, with the line of each field, so that a fault can name it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

Location = Sequence[int | str]

# Aliases may name the same part again and again: the whole of the longest definition has a tenth of this.
MOST_NODES = 100_000
# A definition has ten levels. The loader goes down by recursion, which in C ends the process where it goes too deep.
MOST_LEVELS = 100


# The same in C takes a fiftieth of the time; where PyYAML was built without it, the slow one does.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Leaves dates as they are written: one that is none is then a fault of its field, with its line."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Source:
    """A definition's text.

    Raises:
        ValueError: it is not YAML, not a mapping, names a field twice, or is too large once its aliases stand for what
            they name; the line is in the message.
    """

    def __init__(self, text: str) -> None:
        try:
            self._root, data = _read(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f"line {mark.line + 1}: " if mark else ""
            raise ValueError(f"{line}not YAML: {' '.join(str(error.problem or error).split())}") from error
        except yaml.YAMLError as error:
            raise ValueError(" ".join(f"not YAML: {error}".split())) from error
        if not isinstance(data, dict):
            raise ValueError("line 1: not a definition: a mapping of fields is expected")
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


def _check_depth(text: str) -> None:
    level = 0
    for event in yaml.parse(text, Loader=_Base):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ValueError(f"line {line}: not a definition: fields within fields without an end")


def _read(text: str) -> tuple[Any, Any]:
    """Give the nodes of a text, with their places, and what they say."""
    _check_depth(text)
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        _check_size(root)
        _refuse_repeats(root)
        return root, None if root is None else _construct(loader, root)
    finally:
        loader.dispose()


def _construct(loader: _Loader, root: Any) -> Any:
    try:
        return loader.construct_document(root)
    except (AttributeError, ValueError) as error:
        raise yaml.YAMLError(f"a value is not what its tag says, or too long a number: {error}") from error


def _descend(node: Any, step: int | str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _check_size(root: Any) -> None:
    """Refuse what a few lines of aliases make endless, before anything walks through it."""
    waiting = [root]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    raise ValueError(
        f"line 1: not a definition: it has more than {MOST_NODES} parts, those named by aliases with it"
    )


def _refuse_repeats(node: Any) -> None:
    """YAML's loader takes the last of two fields of one name, without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value}: this field is there twice")
            seen.add(str(key.value))
            _refuse_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeats(item)
