"""Sign-in: the steps that end in a ticket."""

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from libs.crypto.blind_index import BlindIndex
from libs.crypto.secret_hash import hash_of
from libs.events.caller import Visitor
from libs.events.event import Event, Target
from libs.events.search_tags import device_fingerprint
from libs.ids import PLATFORM, Entropy, Ids
from libs.mail import address as addresses
from services.identity.domain import password as passwords
from services.identity.domain.attempt import STRANGERS, Account, Reservation
from services.identity.domain.device import TOKEN_BYTES, Device, remember
from services.identity.domain.errors import CredentialsInvalid
from services.identity.domain.events import Circumstances, known
from services.identity.domain.ports import Hashing, LogKeys, PasswordHasher, Store
from services.identity.domain.subject import Credential
from services.identity.domain.ticket import TICKET_BYTES, password_ticket
from wardenry.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordInput:
    address: str = field(repr=False)
    password: str = field(repr=False)
    browser_binding: bytes = field(repr=False)
    #: Empty when the browser has none.
    device_token: bytes = field(repr=False)
    #: Whose page the flow began on; None for the platform's.
    workspace_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """What the browser gets."""

    ticket: bytes = field(repr=False)
    #: Empty: it keeps the one it has.
    device_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """All that is known when the password's turn to be compared has come."""

    given: PasswordInput
    visitor: Visitor
    address: str = field(repr=False)
    circumstances: Circumstances
    platform_tags: bytes = field(repr=False)
    account: Account
    #: None where nobody has the address.
    subject_id: UUID | None
    known_device: bool


class AuthenticatePassword:
    """Address and password. Unknown addresses take the same steps in the same time as known ones."""

    def __init__(
        self,
        *,
        store: Store,
        log_keys: LogKeys,
        hasher: PasswordHasher,
        blind_index: BlindIndex,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._log_keys = log_keys
        self._hasher = hasher
        self._blind_index = blind_index
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def __call__(self, given: PasswordInput, visitor: Visitor) -> Authenticated:
        """Raises AddressInvalid, CredentialsInvalid, AuthenticationDelayed, HashingBusy."""
        address = addresses.normalised(given.address)
        now = self._clock.now()
        # The keys of a failure's event and of a success's are fetched before anything is counted and compared: where
        # the vault does not answer, a right password gets the same answer as a wrong one, and is no failure.
        circumstances = await self._circumstances(given, visitor, now)
        platform_tags = await self._log_keys.tag_key(PLATFORM, now.date())
        subject_id, device_id = await self._store.find_account(
            self._blind_index.tag("address.value", PLATFORM, address),
            device_token_hash=hash_of(given.device_token),
            now=now,
        )
        account = Account(
            tag=self._blind_index.tag("attempt.password", PLATFORM, address), allowance=device_id or STRANGERS
        )
        attempt = _Attempt(
            given=given,
            visitor=visitor,
            address=address,
            circumstances=circumstances,
            platform_tags=platform_tags,
            account=account,
            subject_id=subject_id,
            known_device=device_id is not None,
        )
        return await self._hasher.admit(lambda hashing: self._compared(attempt, hashing))

    async def _compared(self, attempt: _Attempt, hashing: Hashing) -> Authenticated:
        subject_id = attempt.subject_id
        async with self._store.transaction(*([subject_id] if subject_id else [])) as tx:
            reservation = await tx.attempts.reserve(attempt.account, now=self._clock.now())
            # For nobody, too: an unknown address costs the same statement.
            credential = await tx.subjects.credential(subject_id or STRANGERS)
        password = passwords.normalised(attempt.given.password)
        held = await hashing.verify(password, credential.hash if credential else None)
        if not held or credential is None or subject_id is None:
            raise await self._failed(reservation, attempt)
        renewed = await self._renewed(hashing, password, credential)
        return await self._succeeded(attempt, subject_id, credential, renewed)

    async def _circumstances(self, given: PasswordInput, visitor: Visitor, now: datetime) -> Circumstances:
        log = given.workspace_id or PLATFORM
        return Circumstances(
            log=log,
            occurred_at=now,
            actor=visitor.actor,
            client=dataclasses.replace(visitor.client, device=device_fingerprint(given.device_token)),
            reader_key=await self._log_keys.visitor_key(log, now.date()),
            tag_key=await self._log_keys.tag_key(log, now.date()),
        )

    async def _failed(self, reservation: Reservation, attempt: _Attempt) -> CredentialsInvalid:
        async with self._store.transaction() as tx:
            failure = await tx.attempts.fail(reservation, now=self._clock.now())
            events = attempt.circumstances.failed(failure, self._ids, reason="password", typed_address=attempt.address)
            await tx.emit(*events)
        return CredentialsInvalid(failure.retry_after)

    async def _renewed(self, hashing: Hashing, password: bytes, credential: Credential) -> str | None:
        if not self._hasher.is_outdated(credential.hash):
            return None
        return await hashing.hash(password)

    async def _succeeded(
        self, attempt: _Attempt, subject_id: UUID, credential: Credential, renewed: str | None
    ) -> Authenticated:
        now = self._clock.now()
        ticket = self._entropy.bytes(TICKET_BYTES)
        token = b"" if attempt.known_device else self._entropy.bytes(TOKEN_BYTES)
        async with self._store.transaction(subject_id) as tx:
            await tx.attempts.clear(attempt.account)
            if renewed is not None:
                await tx.subjects.renew_hash(subject_id, old=credential.hash, new=renewed)
            await tx.tickets.add(
                password_ticket(
                    ticket,
                    subject_id=subject_id,
                    subject_epoch=credential.subject_epoch,
                    browser_binding=attempt.given.browser_binding,
                    workspace_id=attempt.given.workspace_id,
                    now=now,
                )
            )
            if token:
                device = remember(subject_id=subject_id, device_id=self._ids.uuid7(), token=token, now=now)
                # Who was erased while the password was compared has no devices; the ticket's epoch voids it.
                if await tx.devices.add(device):
                    await tx.emit(self._remembered(attempt, subject_id, credential, device, token, now))
        return Authenticated(ticket=ticket, device_token=token)

    def _remembered(
        self,
        attempt: _Attempt,
        subject_id: UUID,
        credential: Credential,
        device: Device,
        token: bytes,
        now: datetime,
    ) -> Event:
        # A factor held, so the person is known; a device belongs to the person, not to the flow's workspace.
        circumstances = dataclasses.replace(
            attempt.circumstances,
            log=PLATFORM,
            occurred_at=now,
            actor=known(attempt.visitor, subject_id),
            client=dataclasses.replace(attempt.visitor.client, device=device_fingerprint(token)),
            reader_key=credential.audit_key,
            tag_key=attempt.platform_tags,
        )
        target = Target(kind="device", id=device.device_id)
        return circumstances.event(self._ids.uuid7(), "device.remembered", target=target)
