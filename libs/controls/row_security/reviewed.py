"""The reviewed list: who besides a service's runtime may do what to rows of every tenant, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: The role that look-up functions belong to, and the one that tables and the rest belong to.
LOOKUP, OWNER = "lookup", "owner"
#: The list itself.
FILE = Path(__file__).with_name("narrow_roles.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A right of a narrow role."""

    #: Without the database's name: "jobs".
    role: str
    #: A table; a function with the types of its arguments, for EXECUTE.
    on: str
    command: str


def read_reviewed(text: str) -> Mapping[str, frozenset[Grant]]:
    """The grants of each database. Raises ValueError for a line that is none or gives no reason."""
    found: dict[str, set[Grant]] = {}
    for line in text.splitlines():
        grant, _, reason = line.partition("#")
        if not grant.strip():
            continue
        words = grant.split()
        if len(words) != 4 or not reason.strip():
            raise ValueError(f"not of the form: database role table command # reason: {line}")
        found.setdefault(words[0], set()).add(Grant(role=words[1], on=words[2], command=words[3]))
    return {database: frozenset(grants) for database, grants in found.items()}
