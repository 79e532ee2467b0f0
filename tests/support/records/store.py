"""The example's records: in memory, each workspace's apart."""

from dataclasses import dataclass, field
from uuid import UUID


class RecordAbsent(Exception):
    """No such record in this workspace."""


class RecordPresent(Exception):
    """The workspace has a record of this id already."""


@dataclass(slots=True)
class Records:
    """Texts by workspace and record id."""

    _texts: dict[tuple[UUID, str], str] = field(default_factory=dict)

    def of(self, workspace: UUID) -> dict[str, str]:
        """All records of a workspace."""
        return {record: text for (owner, record), text in self._texts.items() if owner == workspace}

    def require(self, workspace: UUID, record_id: str) -> None:
        """Raises RecordAbsent."""
        if (workspace, record_id) not in self._texts:
            raise RecordAbsent(record_id)

    def require_absent(self, workspace: UUID, record_id: str) -> None:
        """Raises RecordPresent."""
        if (workspace, record_id) in self._texts:
            raise RecordPresent(record_id)

    def put(self, workspace: UUID, record_id: str, text: str) -> None:
        self._texts[workspace, record_id] = text

    def remove(self, workspace: UUID, record_id: str) -> None:
        """Raises RecordAbsent."""
        self.require(workspace, record_id)
        del self._texts[workspace, record_id]
