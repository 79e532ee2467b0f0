"""Identity's events: an epoch that rose, should identity have been stopped before it could say so itself."""

from collections.abc import Callable, Sequence
from uuid import UUID

from google.protobuf.message import DecodeError

from libs.db.context import Context
from libs.db.transaction import Transaction
from libs.events.errors import RecordRejected
from libs.events.record import Record
from services.session.commands.revocation import EndSubject
from services.session.domain.ports import UnitOfWork
from wardenry.events.v1 import envelope_pb2


class IdentityEvents:
    """Ends what each raised epoch ends, in the transaction that moves the cursors. What identity said over gRPC is
    known already, and nothing happens."""

    def __init__(self, *, end_subject: EndSubject, within: Callable[[Transaction, UUID], UnitOfWork]) -> None:
        """`within` gives the unit of work over a subject's rows in an open transaction."""
        self._end_subject = end_subject
        self._within = within

    async def __call__(self, tx: Transaction, records: Sequence[Record]) -> None:
        raised = [each for each in map(_raised, records) if each is not None]
        # In the order in which locks are taken.
        for epoch in sorted(raised, key=lambda each: (each.subject, each.epoch)):
            await self._end_subject.within(
                self._within(tx, UUID(bytes=epoch.subject)),
                epoch=epoch.epoch,
                keep=UUID(bytes=epoch.keep_session) if epoch.keep_session else None,
            )


def subjects_of(records: Sequence[Record]) -> Context:
    """The context of these records: the subjects whose epochs rose."""
    return Context(subjects=frozenset(UUID(bytes=each.subject) for each in map(_raised, records) if each is not None))


def _raised(record: Record) -> envelope_pb2.SubjectEpochRaised | None:
    try:
        envelope = envelope_pb2.Envelope.FromString(record.envelope)
    except DecodeError:
        raise RecordRejected("the envelope cannot be read") from None
    if envelope.WhichOneof("payload") != "subject_epoch_raised":
        return None
    if len(envelope.subject_epoch_raised.subject) != 16:
        raise RecordRejected("the subject is no identifier")
    return envelope.subject_epoch_raised
