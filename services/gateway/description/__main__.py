"""`python -m services.gateway.description`: writes the description of the API that the gateway serves."""

import json

from services.gateway.api.description import FILE
from services.gateway.description.contracts import read_contracts
from services.gateway.description.document import document


def written() -> str:
    """The description as it is committed."""
    return json.dumps(document(read_contracts()), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    FILE.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
