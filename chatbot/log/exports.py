"""Parquet files that were exported into the data folder: erasure reaches them as it reaches the published log."""

from __future__ import annotations

import logging
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import compute, parquet
from sqlalchemy import Connection, select

from chatbot.store.schema import threads

KEY = "thread_id"
# As the command `export` and `_scrub_file` name what is not complete yet, or no longer.
DRAFT = re.compile(r"^\..+\.[0-9a-f]{12}\.(part|old)$")

logger = logging.getLogger(__name__)


def scrub_exports(store: Connection, data_dir: Path) -> list[Path]:
    """Take the threads that the store no longer has out of every Parquet file under the data folder.

    A file is written anew and takes the old one's place; one that would be empty goes. Files without a column of
    threads are none of ours.

    Returns:
        The files that held such threads.
    """
    _remove_drafts(data_dir)
    paths = list(_find_exports(data_dir))
    if not paths:
        return []
    living = pa.array(store.execute(select(threads.c.thread_id)).scalars().all(), pa.string())
    return [path for path in paths if _try_to_scrub(path, living)]


def find_erased(store: Connection, data_dir: Path) -> list[Path]:
    """Name the Parquet files under the data folder that hold threads which the store no longer has."""
    paths = list(_find_exports(data_dir))
    living = pa.array(store.execute(select(threads.c.thread_id)).scalars().all(), pa.string())
    return [path for path in paths if _count_erased(path, living)]


def _find_exports(data_dir: Path) -> Iterator[Path]:
    for path in sorted(data_dir.rglob("*.parquet")):
        if path.is_file() and not path.is_symlink() and _has_threads(path):
            yield path


def _remove_drafts(data_dir: Path) -> None:
    """Remove what an export left that was killed; one that is under way fails, for it may hold what is to go."""
    for path in list(data_dir.rglob(".*")):
        if not DRAFT.match(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            days = [part.name.startswith("day=") for part in path.iterdir()]
            if days and all(days):
                shutil.rmtree(path, ignore_errors=True)
        elif ".parquet." in path.name:
            path.unlink(missing_ok=True)


def _has_threads(path: Path) -> bool:
    try:
        return KEY in parquet.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        return False


def _count_erased(path: Path, living: pa.Array) -> int:
    ids = parquet.ParquetFile(path).read([KEY])[KEY]
    return int(compute.sum(compute.invert(compute.is_in(ids, value_set=living))).as_py() or 0)


def _try_to_scrub(path: Path, living: pa.Array) -> bool:
    try:
        return _scrub_file(path, living)
    except pa.ArrowInvalid as error:
        # Somebody's torn file must not keep the log from being published.
        logger.error("%s cannot be read (%s): erase it yourself if it holds what was erased.", path, error)
        return False


def _scrub_file(path: Path, living: pa.Array) -> bool:
    if not _count_erased(path, living):
        return False
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    kept = 0
    try:
        # By row groups, so that memory stays bounded; the schema is that of the file itself, without its folder's day.
        with (
            parquet.ParquetFile(path) as source,
            parquet.ParquetWriter(draft, source.schema_arrow, compression="zstd") as writer,
        ):
            for number in range(source.num_row_groups):
                rows = source.read_row_group(number)
                rows = rows.filter(compute.is_in(rows[KEY], value_set=living))
                kept += rows.num_rows
                writer.write_table(rows)
        if kept:
            draft.replace(path)
        else:
            path.unlink()
    finally:
        draft.unlink(missing_ok=True)
    logger.info("%s: what was erased is gone from it.", path.name)
    return True
