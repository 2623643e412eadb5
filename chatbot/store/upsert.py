"""Rows that are inserted or, where their key is there already, changed: each engine has its own statement for it."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Begin an insert that can go on with `on_conflict_do_update`, in an engine's dialect by name."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
