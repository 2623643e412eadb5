"""Threads as a Parquet file: the rows of `tables`, with their types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

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


def write_parquet(transcripts: Iterable[Transcript], out: BinaryIO) -> int:
    """Write one row per message, text exactly as it was; give the number of rows."""
    count = 0
    rows: list[dict[str, Any]] = []
    with parquet.ParquetWriter(out, SCHEMA, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
            rows.clear()

        for transcript in transcripts:
            for row in flatten(transcript):
                rows.append(asdict(row))
                count += 1
            if len(rows) >= ROWS_AT_ONCE:
                flush()
        flush()
    return count
