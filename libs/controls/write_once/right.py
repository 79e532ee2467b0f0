"""Rights to change what is otherwise written once."""

from dataclasses import dataclass

#: What changes or removes rows that are there.
CHANGES = ("UPDATE", "DELETE", "TRUNCATE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right that a role has on purpose, and how far it goes."""

    #: Without the database's name: "jobs".
    role: str
    table: str
    #: One of CHANGES.
    command: str
    #: For UPDATE, the columns; empty otherwise.
    columns: frozenset[str] = frozenset()
    #: The rows that the role's policy leaves it, as PostgreSQL prints the policy; "true" for all that it sees.
    rows: str
    #: What it is for.
    reason: str

    def told(self, database: str) -> str:
        """The right in words."""
        columns = f" ({', '.join(sorted(self.columns))})" if self.columns else ""
        rows = f" where {self.rows}" if self.rows != "true" else ""
        return f"{database}_{self.role} may {self.command} {self.table}{columns}{rows}: {self.reason}"
