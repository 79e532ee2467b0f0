"""The version of what is here: of this package, and of the services that are released with it (semantic versioning)."""

from typing import Final

VERSION: Final = "0.1.0"
