"""Identity's part in people's rights over their data."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from libs.crypto.key_owner import Destroyed
from libs.events.event import NAME, PREVIOUS_NAME, Actor, ActorKind, Event, PersonalValues, SubjectEpochRaised, Target
from libs.ids import PLATFORM, Ids
from services.identity.commands.subject import GetContacts
from services.identity.domain import place
from services.identity.domain.ports import PersonalData, Sessions, Store
from wardenry.clock import Clock
from wardenry.subject_data import Category, Erased, Kept, Obstacle, Row

_ACCOUNT: Final = Category(
    name="account",
    description="The account: the name and the verified e-mail address.",
    purpose="Signing in, and being reached.",
    retention="Until the account is erased.",
    fields=("subject_id", "name", "address", "created_at", "password_changed_at"),
)
_DEVICES: Final = Category(
    name="devices",
    description="Browsers that were signed in with, known by a random cookie.",
    purpose="A stranger's wrong guesses do not lock the owner out.",
    retention="400 days at most.",
    fields=("remembered_at", "expires_at"),
)
_BY: Final = Actor(kind=ActorKind.SERVICE, client="datarights")


class SubjectData:
    """What identity holds: shown, corrected, erased."""

    def __init__(
        self,
        *,
        store: Store,
        get_contacts: GetContacts,
        personal_data: PersonalData,
        sessions: Sessions,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._get_contacts = get_contacts
        self._personal_data = personal_data
        self._sessions = sessions
        self._clock = clock
        self._ids = ids

    def categories(self) -> Sequence[Category]:
        return (_ACCOUNT, _DEVICES)

    async def obstacles(self, subject: UUID) -> Sequence[Obstacle]:
        return ()

    async def rows(self, subject: UUID) -> AsyncIterator[Row]:
        contacts = await self._get_contacts([subject])
        async with self._store.transaction(subject) as tx:
            changed_at = await tx.subject_data.password_changed_at(subject)
            devices = await tx.subject_data.devices(subject)
        for contact in contacts:
            yield Row(
                _ACCOUNT.name,
                {
                    "subject_id": str(subject),
                    "name": contact.display_name,
                    "address": contact.address,
                    "created_at": contact.created_at.isoformat(),
                    "password_changed_at": changed_at.isoformat() if changed_at else None,
                },
            )
        for device in devices:
            yield Row(
                _DEVICES.name,
                {"remembered_at": device.remembered_at.isoformat(), "expires_at": device.expires_at.isoformat()},
            )

    async def rectify(self, subject: UUID, *, field: str, value: str) -> int:
        """Corrects the name."""
        async with self._store.transaction(subject) as tx:
            found = await tx.subjects.get([subject])
        if not found or field != "name":
            return 0
        where = place.display_name(subject)
        (before,) = await self._personal_data.open([(found[0].data_key, where, found[0].display_name)])
        if isinstance(before, Destroyed) or before.decode() == value:
            return 0
        (sealed,) = await self._personal_data.seal(found[0].data_key, [(where, value.encode())])
        event = Event(
            event_id=self._ids.uuid7(),
            log=PLATFORM,
            action="subject.rectified",
            occurred_at=self._clock.now(),
            actor=_BY,
            target=Target(kind="subject", id=subject),
            details={"field": field},
            personal=(
                PersonalValues(
                    role="target",
                    reader_key=found[0].audit_key,
                    values={PREVIOUS_NAME: before.decode(), NAME: value},
                ),
            ),
        )
        async with self._store.transaction(subject) as tx:
            if not await tx.subject_data.rename(subject, old=found[0].display_name, new=sealed):
                return 0
            await tx.emit(event)
        return 1

    async def erase(self, subject: UUID) -> Erased:
        """Raises SessionsUnavailable when all is removed but session did not answer: repeating it asks again."""
        now = self._clock.now()
        async with self._store.transaction(subject) as tx:
            epoch = await tx.subject_data.empty(subject, now=now)
            removed = await tx.subject_data.remove(subject)
            if epoch is not None:
                await tx.emit(
                    Event(
                        event_id=self._ids.uuid7(),
                        log=PLATFORM,
                        action="credential.changed",
                        occurred_at=now,
                        actor=_BY,
                        target=Target(kind="credential", id=subject),
                        reason="erasure",
                        details={"kind": "all"},
                        payload=SubjectEpochRaised(subject=subject, epoch=epoch),
                    )
                )
            else:
                epoch = await tx.subject_data.epoch(subject)
        if epoch is not None:
            # Who signed in while the request was under way is signed out with everybody else.
            await self._sessions.end_subject(subject, epoch=epoch, keep=None)
        return Erased(
            rows=removed,
            kept=(
                Kept(
                    category="account", obligation="The identifier alone, so that nothing of the person is good again."
                ),
            ),
        )
