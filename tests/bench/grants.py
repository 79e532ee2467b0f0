"""People who are signed in, put straight into the tables of tenancy and session: as many as a row needs."""

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.keyring import LocalKeyring
from libs.db.pool import Database
from libs.ids import SystemEntropy, Uuid7Ids
from services.session.commands.session import GATEWAY_AUDIENCE
from services.session.commands.signing_key import SigningKeySet
from services.session.commands.token import AccessTokens
from services.session.domain.access_token import Claims
from services.session.domain.refresh_token import RefreshKeys
from services.session.store.signing_key import PostgresSigningKeys
from tests.bench.stores import Stores
from wardenry.clock import SystemClock

CLIENT = "gateway"
WORKSPACES = 64
IDLE, ABSOLUTE = timedelta(days=14), timedelta(days=90)

_WORKSPACES = """
INSERT INTO workspace (workspace_id, name, slug, region, created_at, created_by, idle_seconds, absolute_seconds)
SELECT workspace_id, 'Bench', 'bench-' || position, 'eu', now(), workspace_id, $2, $3
FROM unnest($1::uuid[]) WITH ORDINALITY AS made (workspace_id, position)
"""
_MEMBERS = """
INSERT INTO membership (workspace_id, subject_id, role, epoch, joined_at, key_id, key_version, audit_public_key)
SELECT workspace_id, subject_id, 'member', 1, now(), key_id, 1, key
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[]) AS made (workspace_id, subject_id, key_id, key)
"""
_SUBJECTS = "INSERT INTO subject (subject_id, epoch) SELECT unnest($1::uuid[]), 1"
_SESSIONS = """
INSERT INTO session (
    subject_id, session_id, subject_epoch, client_id, amr, acr, authenticated_at, audit_key_id, audit_key_version,
    audit_key, ip_address_sealed, user_agent_sealed, country, expires_at
)
SELECT subject_id, session_id, 1, $3, '{pwd}', 'aal1', now(), key_id, 1, key, $6, $7, '', now() + $8::interval
FROM unnest($1::uuid[], $2::uuid[], $4::uuid[], $5::bytea[]) AS made (subject_id, session_id, key_id, key)
"""
_GRANTS = """
INSERT INTO session_grant (
    subject_id, grant_id, session_id, client_id, audience, workspace_id, role, membership_epoch, membership_checked_at,
    audit_key_id, audit_key_version, audit_key, device_binding, seed, key_version, idle_seconds, expires_at
)
SELECT
    subject_id, grant_id, session_id, $4, $5, workspace_id, 'member', 1, now(), key_id, 1, key, device, seed, $11, $12,
    now() + $13::interval
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $6::uuid[], $7::uuid[], $8::bytea[], $9::bytea[], $10::bytea[])
    AS made (subject_id, grant_id, session_id, workspace_id, key_id, key, device, seed)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """One person with one session and one grant, as its browser has it."""

    subject: UUID
    session: UUID
    workspace: UUID
    #: What the device cookie holds.
    device: bytes
    #: The refresh token that is good now.
    refresh: str
    #: An access token that is good for minutes.
    access: str

    def as_json(self) -> dict[str, str]:
        """For client processes; bytes in hexadecimal."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in values.items()}


async def sign_in(stores: Stores, number: int) -> list[SignedIn]:
    """Puts `number` people into the tables of a session service that has started."""
    entropy, clock = SystemEntropy(), SystemClock()
    ids = Uuid7Ids(clock=clock, entropy=entropy)
    secrets = stores.home.secrets
    keys = RefreshKeys.of_bytes((secrets / "session" / "refresh.key").read_bytes())
    access = AccessTokens(issuer=stores.around.issuer, keys=await _signing_keys(stores, entropy))
    workspaces = [ids.uuid7() for _ in range(WORKSPACES)]
    now = datetime.now(UTC).replace(microsecond=0)

    def token(person: tuple[UUID, UUID, UUID], *, issued_at: datetime) -> str:
        subject, session, workspace = person
        return access.sign(
            Claims(
                subject=subject,
                session=session,
                client_id=CLIENT,
                audience=GATEWAY_AUDIENCE,
                amr=("pwd",),
                acr="aal1",
                authenticated_at=issued_at,
                subject_epoch=1,
                workspace=workspace,
                role="member",
                membership_epoch=1,
                issued_at=issued_at,
                expires_at=issued_at + timedelta(minutes=10),
                token_id=ids.uuid7(),
            )
        )

    made, rows = [], []
    for position in range(number):
        subject, session, grant = ids.uuid7(), ids.uuid7(), ids.uuid7()
        person = (subject, session, workspaces[position % WORKSPACES])
        device, seed = entropy.bytes(32), entropy.bytes(32)
        reader = ReaderPrivateKey(key_id=ids.uuid7(), version=1, private=entropy.bytes(32)).public_key()
        rows.append((subject, grant, session, person[2], reader.key_id, reader.public, device, seed))
        refresh = keys.issue(subject=subject, grant=grant, counter=0, key_version=keys.current_version, seed=seed)
        made.append(
            SignedIn(
                subject=subject,
                session=session,
                workspace=person[2],
                device=device,
                refresh=refresh,
                access=token(person, issued_at=now),
            )
        )
    subjects, grants, sessions, logs, key_ids, publics, devices, seeds = (
        list(column) for column in zip(*rows, strict=True)
    )
    bindings = [hashlib.sha256(device).digest() for device in devices]
    sealed, idle, absolute = entropy.bytes(60), int(IDLE.total_seconds()), int(ABSOLUTE.total_seconds())
    await _execute(
        stores.administrator("tenancy"),
        (_WORKSPACES, workspaces, idle, absolute),
        (_MEMBERS, logs, subjects, key_ids, publics),
        ("VACUUM ANALYZE workspace, membership",),
    )
    version, grantee = keys.current_version, (CLIENT, GATEWAY_AUDIENCE)
    own = (logs, key_ids, publics, bindings, seeds)
    await _execute(
        stores.administrator("session"),
        (_SUBJECTS, subjects),
        (_SESSIONS, subjects, sessions, CLIENT, key_ids, publics, sealed, sealed, ABSOLUTE),
        (_GRANTS, subjects, grants, sessions, *grantee, *own, version, idle, ABSOLUTE),
        ("VACUUM ANALYZE subject, session, session_grant",),
    )
    return made


async def _execute(url: str, *statements: tuple[Any, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement, *arguments in statements:
            await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def _signing_keys(stores: Stores, entropy: SystemEntropy) -> SigningKeySet:
    """Session's own, from its database and its keyring."""
    secrets = stores.home.secrets
    database = Database(url=(secrets / "session_runtime.url").read_text(), name="bench", size=1)
    await database.open()
    try:
        provider = LocalKeyring.load(secrets / "session" / "keyring.json", entropy=entropy)
        keys = SigningKeySet(keys=PostgresSigningKeys(database=database), provider=provider)
        await keys.reload()
        return keys
    finally:
        await database.close()
