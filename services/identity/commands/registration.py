"""Sign-up: an address is proved by a mailed code before a subject exists."""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from libs.crypto.blind_index import BlindIndex
from libs.crypto.key_owner import Destroyed, SubjectOwner, VisitorOwner
from libs.events.caller import Visitor
from libs.events.event import ADDRESS, NAME, Event, Target
from libs.events.search_tags import device_fingerprint
from libs.ids import PLATFORM, Entropy, Ids
from libs.mail import address as addresses
from libs.mail.mail import Mail
from services.identity.domain import password as passwords
from services.identity.domain import place
from services.identity.domain.attempt import Account
from services.identity.domain.device import TOKEN_BYTES, remember
from services.identity.domain.errors import CodeInvalid, RegistrationExists
from services.identity.domain.events import Circumstances, known
from services.identity.domain.mail import LIFETIME, OutgoingMail, code_mail, known_address_mail, to_bytes
from services.identity.domain.ports import LogKeys, PasswordHasher, PersonalData, Store
from services.identity.domain.registration import CODE_LIFETIME, Applicant, Registration, checked_name, new_code
from services.identity.domain.subject import Subject
from services.identity.domain.ticket import TICKET_BYTES, password_ticket
from wardenry.clock import Clock

_FIRST_EPOCH: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterInput:
    registration_id: UUID
    address: str = field(repr=False)
    password: str = field(repr=False)
    display_name: str = field(repr=False)
    browser_binding: bytes = field(repr=False)


class Register:
    """Begins a registration."""

    def __init__(
        self,
        *,
        store: Store,
        personal_data: PersonalData,
        hasher: PasswordHasher,
        blind_index: BlindIndex,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
        origin: str,
    ) -> None:
        """`origin` is where people sign in, for the mail to an address that has an account."""
        self._store = store
        self._personal_data = personal_data
        self._hasher = hasher
        self._blind_index = blind_index
        self._clock = clock
        self._ids = ids
        self._entropy = entropy
        self._origin = origin

    async def __call__(self, given: RegisterInput) -> datetime:
        """Until when the code works. Known addresses take the same steps, but for what is mailed: no code. Asked for
        again by the same browser, with the same fields, it mails nothing.

        Raises AddressInvalid, NameInvalid, PasswordWeak, HashingBusy, RegistrationExists.
        """
        address = addresses.normalised(given.address)
        display_name = checked_name(given.display_name)
        passwords.check_strength(given.password, known=(address, display_name))
        password_hash = await self._hasher.admit(lambda hashing: hashing.hash(passwords.normalised(given.password)))
        now = self._clock.now()
        known, _ = await self._store.find_account(
            self._blind_index.tag("address.value", PLATFORM, address), device_token_hash=b"", now=now
        )
        code = new_code(self._entropy)
        applicant = Applicant(address=address, display_name=display_name, password_hash=password_hash)
        mail = (
            known_address_mail(recipient=address, origin=self._origin)
            if known
            else code_mail(recipient=address, code=code)
        )
        registration, outgoing = await self._sealed(given, applicant, mail, code, now)
        async with self._store.transaction(given.registration_id) as tx:
            if await tx.registrations.add(registration):
                await tx.mails.add(outgoing, now=now)
                return registration.expires_at
            first = await tx.registrations.get(given.registration_id)
        if first is None or not await self._is_asked_again(first, given, applicant, now):
            raise RegistrationExists
        return first.expires_at

    async def _is_asked_again(
        self, first: Registration, given: RegisterInput, applicant: Applicant, now: datetime
    ) -> bool:
        # To another browser all are alike: nobody learns by the id, which stands in URLs, whose address is proved.
        if now >= first.expires_at or not hmac.compare_digest(first.browser_binding, given.browser_binding):
            return False
        held = await _applicant(self._personal_data, first)
        if held is None or (held.address, held.display_name) != (applicant.address, applicant.display_name):
            return False
        password = passwords.normalised(given.password)
        return await self._hasher.admit(lambda hashing: hashing.verify(password, held.password_hash))

    async def _sealed(
        self, given: RegisterInput, applicant: Applicant, mail: Mail, code: str, now: datetime
    ) -> tuple[Registration, OutgoingMail]:
        mail_id = self._ids.uuid7()
        data_key = await self._personal_data.key_of(VisitorOwner(log=PLATFORM, day=now.date()))
        content, mail_content = await self._personal_data.seal(
            data_key,
            [
                (place.registration_content(given.registration_id), applicant.to_bytes()),
                (place.mail_content(mail_id), to_bytes(mail)),
            ],
        )
        registration = Registration(
            registration_id=given.registration_id,
            subject_id=self._ids.uuid7(),
            code_tag=_code_tag(self._blind_index, given.registration_id, code),
            browser_binding=given.browser_binding,
            content=content,
            data_key=data_key,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
        )
        outgoing = OutgoingMail(mail_id=mail_id, content=mail_content, data_key=data_key, expires_at=now + LIFETIME)
        return registration, outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A new subject, and what its browser gets."""

    subject_id: UUID
    ticket: bytes = field(repr=False)
    device_token: bytes = field(repr=False)


class VerifyRegistration:
    """Proves the address and creates the subject."""

    def __init__(
        self,
        *,
        store: Store,
        personal_data: PersonalData,
        log_keys: LogKeys,
        blind_index: BlindIndex,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._personal_data = personal_data
        self._log_keys = log_keys
        self._blind_index = blind_index
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def __call__(
        self, *, registration_id: UUID, code: str, browser_binding: bytes, visitor: Visitor
    ) -> Registered:
        """Raises CodeInvalid, AuthenticationDelayed."""
        now = self._clock.now()
        async with self._store.transaction(registration_id) as tx:
            registration = await tx.registrations.get(registration_id)
        if registration is None:
            raise CodeInvalid
        applicant = await _applicant(self._personal_data, registration)
        if applicant is None:
            raise CodeInvalid
        account = Account(tag=self._blind_index.tag("attempt.registration", PLATFORM, applicant.address))
        await self._check_code(registration, account, applicant, code, browser_binding, visitor, now)
        return await self._create(registration, account, applicant, visitor, now)

    async def _check_code(
        self,
        registration: Registration,
        account: Account,
        applicant: Applicant,
        code: str,
        browser_binding: bytes,
        visitor: Visitor,
        now: datetime,
    ) -> None:
        circumstances = Circumstances(
            log=PLATFORM,
            occurred_at=now,
            actor=visitor.actor,
            client=visitor.client,
            reader_key=await self._log_keys.visitor_key(PLATFORM, now.date()),
            tag_key=await self._log_keys.tag_key(PLATFORM, now.date()),
        )
        async with self._store.transaction(registration.registration_id) as tx:
            reservation = await tx.attempts.reserve(account, now=now)
            tried = await tx.registrations.take_try(registration.registration_id, now=now)
            expected = _code_tag(self._blind_index, registration.registration_id, code)
            if (
                tried is not None
                and hmac.compare_digest(tried.code_tag, expected)
                and hmac.compare_digest(tried.browser_binding, browser_binding)
            ):
                return
            failure = await tx.attempts.fail(reservation, now=now)
            await tx.emit(*circumstances.failed(failure, self._ids, reason="code", typed_address=applicant.address))
        raise CodeInvalid

    async def _create(
        self, registration: Registration, account: Account, applicant: Applicant, visitor: Visitor, now: datetime
    ) -> Registered:
        subject = await self._subject(registration, applicant, now)
        ticket, token = self._entropy.bytes(TICKET_BYTES), self._entropy.bytes(TOKEN_BYTES)
        device = remember(subject_id=subject.subject_id, device_id=self._ids.uuid7(), token=token, now=now)
        circumstances = Circumstances(
            log=PLATFORM,
            occurred_at=now,
            actor=known(visitor, subject.subject_id),
            client=replace(visitor.client, device=device_fingerprint(token)),
            reader_key=subject.audit_key,
            tag_key=await self._log_keys.tag_key(PLATFORM, now.date()),
        )
        async with self._store.transaction(registration.registration_id, subject.subject_id) as tx:
            if not await tx.registrations.complete(registration.registration_id, now=now):
                raise CodeInvalid
            added = await tx.subjects.add(
                subject,
                address_tag=self._blind_index.tag("address.value", PLATFORM, applicant.address),
                password_hash=applicant.password_hash,
            )
            if not added:
                # Somebody proved this address first: what was prepared for it here is void.
                raise CodeInvalid
            await tx.attempts.clear(account)
            await tx.devices.add(device)
            await tx.tickets.add(
                password_ticket(
                    ticket,
                    subject_id=subject.subject_id,
                    subject_epoch=subject.epoch,
                    browser_binding=registration.browser_binding,
                    workspace_id=None,
                    now=now,
                    registered=True,
                )
            )
            await tx.emit(*self._events(circumstances, subject, applicant, device.device_id))
        return Registered(subject_id=subject.subject_id, ticket=ticket, device_token=token)

    async def _subject(self, registration: Registration, applicant: Applicant, now: datetime) -> Subject:
        owner = SubjectOwner(subject=registration.subject_id, workspace=PLATFORM)
        audit_key = await self._personal_data.audit_key(owner)
        address_id = self._ids.uuid7()
        display_name, address = await self._personal_data.seal(
            audit_key.reference,
            [
                (place.display_name(registration.subject_id), applicant.display_name.encode()),
                (place.address(address_id), applicant.address.encode()),
            ],
        )
        return Subject(
            subject_id=registration.subject_id,
            epoch=_FIRST_EPOCH,
            created_at=now,
            display_name=display_name,
            address_id=address_id,
            address=address,
            verified_at=now,
            data_key=audit_key.reference,
            audit_key=audit_key,
        )

    def _events(
        self, circumstances: Circumstances, subject: Subject, applicant: Applicant, device_id: UUID
    ) -> list[Event]:
        return [
            circumstances.event(
                self._ids.uuid7(),
                "user.registered",
                target=Target(kind="subject", id=subject.subject_id),
                values={ADDRESS: applicant.address, NAME: applicant.display_name},
            ),
            circumstances.event(
                self._ids.uuid7(),
                "address.verified",
                target=Target(kind="address", id=subject.address_id),
                values={ADDRESS: applicant.address},
            ),
            circumstances.event(self._ids.uuid7(), "device.remembered", target=Target(kind="device", id=device_id)),
        ]


async def _applicant(personal_data: PersonalData, registration: Registration) -> Applicant | None:
    """None once the key was destroyed."""
    where = place.registration_content(registration.registration_id)
    (content,) = await personal_data.open([(registration.data_key, where, registration.content)])
    return None if isinstance(content, Destroyed) else Applicant.from_bytes(content)


def _code_tag(blind_index: BlindIndex, registration_id: UUID, code: str) -> bytes:
    return blind_index.tag("registration.code", PLATFORM, f"{registration_id} {code}")
