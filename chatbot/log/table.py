"""A table of the published log, and the statements that make it with its comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["UUID", "VARCHAR", "TIMESTAMPTZ", "INTEGER", "BIGINT", "DOUBLE", "BOOLEAN"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `is_key` marks those that together name a row."""

    name: str
    type: ColumnType
    comment: str
    is_null: bool = False
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table filled from the store's table of the same name."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the columns that together name a row."""
        return tuple(column.name for column in self.columns if column.is_key)

    def take_comments(self, *names: str) -> dict[str, str]:
        """Give the comments of some columns by name, for a view that shows them as they are."""
        comments = {column.name: column.comment for column in self.columns}
        return {name: comments[name] for name in names}

    def build_statements(self) -> list[str]:
        """Give the statements that make the table with its comments."""
        columns = ", ".join(
            f'"{column.name}" {column.type}{"" if column.is_null else " NOT NULL"}' for column in self.columns
        )
        comments = [
            f'COMMENT ON COLUMN {self.name}."{column.name}" IS {quote(column.comment)}'
            for column in self.columns
        ]
        return [
            f"CREATE TABLE {self.name} ({columns})",
            f"COMMENT ON TABLE {self.name} IS {quote(self.comment)}",
            *comments,
        ]


def quote(text: str) -> str:
    """Write a text as an SQL literal: comments and names in ATTACH cannot be bound."""
    return "'" + text.replace("'", "''") + "'"
