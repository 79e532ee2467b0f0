"""A person's own credentials."""

from dataclasses import dataclass, field

from libs.crypto.blind_index import BlindIndex
from libs.events.caller import Caller
from libs.events.event import SubjectEpochRaised, Target
from libs.ids import PLATFORM, Ids
from services.identity.commands.subject import GetSubject
from services.identity.domain import password as passwords
from services.identity.domain.attempt import Account, Reservation
from services.identity.domain.errors import CredentialChanged, CredentialsInvalid, SubjectUnknown
from services.identity.domain.events import Circumstances
from services.identity.domain.ports import Hashing, LogKeys, PasswordHasher, Sessions, Store
from services.identity.domain.subject import Credential
from wardenry.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePasswordInput:
    current_password: str = field(repr=False)
    new_password: str = field(repr=False)


class ChangePassword:
    """Replaces a password, and ends every other session before it says so."""

    def __init__(
        self,
        *,
        store: Store,
        get_subject: GetSubject,
        log_keys: LogKeys,
        hasher: PasswordHasher,
        sessions: Sessions,
        blind_index: BlindIndex,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._get_subject = get_subject
        self._log_keys = log_keys
        self._hasher = hasher
        self._sessions = sessions
        self._blind_index = blind_index
        self._clock = clock
        self._ids = ids

    async def __call__(self, given: ChangePasswordInput, caller: Caller) -> int:
        """The subject's epoch now. The session that asks goes on.

        Raises PasswordWeak, CredentialsInvalid, AuthenticationDelayed, HashingBusy, CredentialChanged, SubjectUnknown;
        SessionsUnavailable when the password is replaced and session did not answer: it ends the sessions when the
        event reaches it, only later than we may promise.
        """
        contact = await self._get_subject(caller.subject)
        passwords.check_strength(given.new_password, known=(contact.address, contact.display_name))
        # An allowance of its own: strangers cannot keep the owner from changing the password, and who took over a
        # session can try no more often than anybody.
        account = Account(
            tag=self._blind_index.tag("attempt.password", PLATFORM, contact.address), allowance=caller.subject
        )
        tag_key = await self._log_keys.tag_key(PLATFORM, self._clock.now().date())

        async def replaced(hashing: Hashing) -> int:
            async with self._store.transaction(caller.subject) as tx:
                reservation = await tx.attempts.reserve(account, now=self._clock.now())
                credential = await tx.subjects.credential(caller.subject)
            if credential is None:
                raise SubjectUnknown
            circumstances = self._circumstances(caller, credential, tag_key)
            if not await hashing.verify(passwords.normalised(given.current_password), credential.hash):
                raise await self._failed(reservation, circumstances, contact.address)
            new_hash = await hashing.hash(passwords.normalised(given.new_password))
            return await self._replace(caller, account, credential, new_hash, circumstances)

        epoch = await self._hasher.admit(replaced)
        await self._sessions.end_subject(caller.subject, epoch=epoch, keep=caller.session)
        return epoch

    def _circumstances(self, caller: Caller, credential: Credential, tag_key: bytes) -> Circumstances:
        return Circumstances(
            log=PLATFORM,
            occurred_at=self._clock.now(),
            actor=caller.actor,
            client=caller.client,
            reader_key=credential.audit_key,
            tag_key=tag_key,
        )

    async def _failed(self, reservation: Reservation, circumstances: Circumstances, address: str) -> CredentialsInvalid:
        async with self._store.transaction() as tx:
            failure = await tx.attempts.fail(reservation, now=self._clock.now())
            await tx.emit(*circumstances.failed(failure, self._ids, reason="password", typed_address=address))
        return CredentialsInvalid(failure.retry_after)

    async def _replace(
        self,
        caller: Caller,
        account: Account,
        credential: Credential,
        new_hash: str,
        circumstances: Circumstances,
    ) -> int:
        async with self._store.transaction(caller.subject) as tx:
            epoch = await tx.subjects.replace_password(
                caller.subject, old=credential.hash, new=new_hash, now=self._clock.now()
            )
            if epoch is None:
                raise CredentialChanged
            await tx.attempts.clear(account)
            await tx.emit(
                circumstances.event(
                    self._ids.uuid7(),
                    "credential.changed",
                    target=Target(kind="credential", id=caller.subject),
                    details={"kind": "password"},
                    payload=SubjectEpochRaised(subject=caller.subject, epoch=epoch, keep_session=caller.session),
                )
            )
        return epoch
