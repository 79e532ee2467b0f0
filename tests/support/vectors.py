"""The test vectors of docs/formats."""

import json
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent.parent / "testdata" / "formats"


def vectors_of(page: str) -> list[dict[str, Any]]:
    """The vectors of docs/formats/<page>.md."""
    vectors: list[dict[str, Any]] = json.loads((DIRECTORY / f"{page}.json").read_text())["vectors"]
    return vectors
