"""Threads as Parquet: the rows of `tables` with their types, in one file or in a folder with a part per day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import dataset, parquet

from chatbot.reports.tables import MessageRow, flatten
from chatbot.store.records import Transcript

ROWS_AT_ONCE = 10_000
_TYPES = {
    "str": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
SCHEMA = pa.schema(
    [
        pa.field(column.name, _TYPES[str(column.type).removesuffix(" | None")], "None" in str(column.type))
        for column in fields(MessageRow)
    ]
)


DAY = pa.field("day", pa.date32(), nullable=False)
# More days than this in one export are hardly a beta test; the default of 1,024 is three years.
MOST_DAYS = 100_000


def write_parquet(transcripts: Iterable[Transcript], out: BinaryIO) -> int:
    """Write one row per message into one file, text exactly as it was; give the number of rows."""
    count = 0
    with parquet.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        for rows in _collect_rows(transcripts):
            writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
            count += len(rows)
    return count


def write_parquet_days(transcripts: Iterable[Transcript], folder: Path) -> None:
    """Write one row per message into `folder/day=YYYY-MM-DD/part-N.parquet`, by the UTC day of the message.

    Without a row it is `folder/part-0.parquet` with the columns alone, so that who reads it finds them.

    Args:
        folder: made; nothing of that name is there yet.
    """
    schema = SCHEMA.append(DAY)
    batches = (
        pa.RecordBatch.from_pylist([row | {"day": _read_day(row)} for row in rows], schema=schema)
        for rows in _collect_rows(transcripts)
    )
    folder.mkdir()
    dataset.write_dataset(
        batches,
        folder,
        schema=schema,
        format="parquet",
        file_options=dataset.ParquetFileFormat().make_write_options(compression="zstd"),
        partitioning=dataset.partitioning(pa.schema([DAY]), flavor="hive"),
        basename_template="part-{i}.parquet",
        max_partitions=MOST_DAYS,
    )
    if not any(folder.iterdir()):
        parquet.write_table(schema.empty_table(), folder / "part-0.parquet")


def _collect_rows(transcripts: Iterable[Transcript]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for transcript in transcripts:
        rows += [asdict(row) for row in flatten(transcript)]
        if len(rows) >= ROWS_AT_ONCE:
            yield rows
            rows = []
    yield rows


def _read_day(row: dict[str, Any]) -> Any:
    return row["created_at"].astimezone(UTC).date()
