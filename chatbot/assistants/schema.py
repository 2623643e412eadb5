"""The JSON Schema of a definition, by which text editors complete and check the YAML while it is written.

`python -m chatbot.assistants.schema FILE` writes it; `make assistant-schema` puts it where it belongs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from chatbot.assistants.definition import Assistant

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write_schema() -> str:
    """Write the schema, as JSON."""
    return json.dumps(describe_definition(), indent=2, ensure_ascii=False) + "\n"


def describe_definition() -> dict[str, Any]:
    """Give the schema of a definition as it stands in a file: the file gives the name, one folder needs no list."""
    described = Assistant.model_json_schema()
    properties = described["properties"]
    described["required"] = [name for name in described["required"] if name != "name"]
    folders = properties["knowledge"]
    properties["knowledge"] = {
        "anyOf": [{"type": "string"}, {"type": folders.pop("type"), "items": folders.pop("items")}],
        **folders,
    }
    return {"$schema": DIALECT, **described}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_schema(), encoding="utf-8")
