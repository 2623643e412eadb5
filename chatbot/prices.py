"""What models cost: a table in a YAML file, read again when it changes.

    openai:gpt-4.1-mini:
      prompt: 0.40        # US dollars per million tokens sent
      completion: 1.60    # US dollars per million tokens received

A model is named as `CHAT_MODEL` names it. One that the table does not have has no known price.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chatbot.errors import SettingsError

FIELDS = ("prompt", "completion")
TOKENS_PER_PRICE = 1_000_000
# Written with the product: quoting passages costs nothing.
FREE_MODELS = frozenset({"offline"})

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, sent and received."""

    prompt: float
    completion: float


class Prices:
    """The prices in force.

    Args:
        path: the YAML file; where there is none no price is known.

    Raises:
        SettingsError: the file is faulty; each fault with its line and field.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._signature = _take_signature(path)
        self._table = read_prices(path)

    def compute_cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Give the US dollars that tokens cost; None where the model's price is not known."""
        if model in FREE_MODELS:
            return 0.0
        price = self._refresh().get(model)
        if price is None:
            return None
        cost = prompt_tokens * price.prompt + completion_tokens * price.completion
        return cost / TOKENS_PER_PRICE

    def _refresh(self) -> dict[str, Price]:
        """Read the file again where it changed; a faulty one leaves the prices that were in force."""
        with self._lock:
            signature = _take_signature(self._path)
            if signature != self._signature:
                self._signature = signature
                try:
                    self._table = read_prices(self._path)
                except SettingsError as error:
                    logger.error("The prices stay as they were: %s", "; ".join(error.faults))
            return self._table


def read_prices(path: Path) -> dict[str, Price]:
    """Read a price table; empty where there is no file.

    Raises:
        SettingsError: one sentence per fault, with line and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            [f"{path}: it cannot be read as UTF-8 text: {error}. Save it as UTF-8."]
        ) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError([f"{path}, line {line}: this is no YAML: {error.problem}."]) from error
    except yaml.YAMLError as error:
        raise SettingsError([f"{path}: this is no YAML: {error}."]) from error
    faults: list[str] = []
    table = _read_table(root, path, faults)
    if faults:
        raise SettingsError(faults)
    return table


def _read_table(root: yaml.Node | None, path: Path, faults: list[str]) -> dict[str, Price]:
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        faults.append(f"{path}, line {_line(root)}: write one model per key, such as openai:gpt-4.1-mini.")
        return {}
    table: dict[str, Price] = {}
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            faults.append(
                f"{path}, line {_line(key)}: a model's name is a text, such as openai:gpt-4.1-mini."
            )
            continue
        model, place = str(key.value), f"{path}, line {_line(key)}, {key.value}"
        if model in table:
            faults.append(f"{place}: this model is priced twice. Leave one of them.")
            continue
        if price := _read_price(value, path, model, place, faults):
            table[model] = price
    return table


def _read_price(node: yaml.Node, path: Path, model: str, place: str, faults: list[str]) -> Price | None:
    if not isinstance(node, yaml.MappingNode):
        faults.append(f"{place}: give {' and '.join(FIELDS)} in US dollars per million tokens.")
        return None
    before = len(faults)
    found: dict[str, float] = {}
    for key, value in node.value:
        name = str(key.value)
        here = f"{path}, line {_line(key)}, {model}, {name}"
        if name not in FIELDS:
            faults.append(f"{here}: there is no such field; allowed are {', '.join(FIELDS)}.")
        elif name in found:
            faults.append(f"{here}: this price is given twice. Leave one of them.")
        elif (number := _read_number(value)) is None:
            shown = repr(value.value) if isinstance(value, yaml.ScalarNode) else "a list or a table"
            faults.append(f"{here}={shown}: allowed is a number of US dollars from 0.")
        else:
            found[name] = number
    missing = [name for name in FIELDS if name not in {str(key.value) for key, _ in node.value}]
    faults += [f"{place}: {name} is missing." for name in missing]
    return Price(**found) if len(faults) == before else None


def _read_number(node: Any) -> float | None:
    if not isinstance(node, yaml.ScalarNode) or node.tag not in (
        "tag:yaml.org,2002:int",
        "tag:yaml.org,2002:float",
    ):
        return None
    try:
        number = float(node.value)
    except ValueError:
        return None
    # Not `>= 0` alone: infinity and not-a-number are floats to YAML.
    return number if 0 <= number < float("inf") else None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _take_signature(path: Path) -> Signature | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
