"""Control S1, as session examines it: the ages of its signing keys, and a token from the path that issues them all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.controls.examined import Examined, Finding
from libs.controls.exhibits import ACCESS_TOKEN, KEY_IDS, NOBODY
from libs.crypto.reader_key import ReaderPublicKey
from libs.ids import Entropy, Ids
from services.session.commands.token import TokenIssuer
from services.session.domain.grant import Grant
from services.session.domain.ports import SigningKeys
from services.session.domain.signing_key import LEARNING, PUBLISHED_AHEAD, KeyState, SigningKey

#: How late a rotation may be before it counts as missed: the job looks every few seconds.
_SLACK = timedelta(minutes=10)
_SEED_BYTES = 32
_LONG = timedelta(days=365)


class ExamineTokens:
    """What the prober cannot see for itself: how old the keys are, by the database's clock, and a token.

    The token is for nobody: its subject and session are new and stored nowhere, and no service has its audience.
    """

    def __init__(
        self,
        *,
        issuer: TokenIssuer,
        keys: SigningKeys,
        period: timedelta,
        token_life: timedelta,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        """`period` is how long a key signs; `token_life` the longest life of what it signed."""
        self._issuer = issuer
        self._keys = keys
        self._period = period
        self._token_life = token_life
        self._ids = ids
        self._entropy = entropy

    async def __call__(self) -> Examined:
        """Raises SigningKeyMissing."""
        keys, now = await self._keys.all()
        return Examined(
            facts=(self._told(keys, now),),
            findings=tuple(self._misaged(keys, now)),
            exhibits={
                ACCESS_TOKEN: self._token(now).encode(),
                KEY_IDS: "\n".join(key.key_id for key in keys).encode(),
            },
        )

    def _misaged(self, keys: Sequence[SigningKey], now: datetime) -> list[Finding]:
        found = []
        if not any(key.state is KeyState.NEXT for key in keys):
            found.append(Finding("signing keys", "no next key is published, so none can take over"))
        for key in keys:
            since = now - (key.current_from or now)
            if key.state is KeyState.CURRENT and since > self._period + PUBLISHED_AHEAD + _SLACK:
                what = f"has signed for {_days(since)}, though keys rotate after {_days(self._period)}"
                found.append(Finding(f"signing key {key.key_id}", what))
            over = now - (key.retired_at or now)
            if over > self._token_life + LEARNING + _SLACK:
                what = f"was retired {_days(over)} ago and is still accepted"
                found.append(Finding(f"signing key {key.key_id}", what))
        return found

    def _told(self, keys: Sequence[SigningKey], now: datetime) -> str:
        ages = [_days(now - key.current_from) for key in keys if key.state is KeyState.CURRENT and key.current_from]
        states = [key.state for key in keys]
        return (
            f"session: the current key has signed for {', '.join(ages) or 'no time'} of {_days(self._period)}; "
            f"{states.count(KeyState.NEXT)} next, {states.count(KeyState.RETIRED)} retired"
        )

    def _token(self, now: datetime) -> str:
        grant = Grant(
            read_at=now,
            subject=self._ids.uuid7(),
            grant=self._ids.uuid7(),
            session=self._ids.uuid7(),
            client_id=NOBODY,
            audience=NOBODY,
            workspace=None,
            standing=None,
            audit_key=ReaderPublicKey(key_id=self._ids.uuid7(), version=1, public=self._entropy.bytes(_SEED_BYTES)),
            device_binding=self._entropy.bytes(_SEED_BYTES),
            seed=self._entropy.bytes(_SEED_BYTES),
            key_version=self._issuer.key_version,
            counter=0,
            rotated_at=now,
            grace_uses=0,
            paced_until=now,
            # Far away, so that the issuer's own limit is what ends the token.
            idle=_LONG,
            expires_at=now + _LONG,
            ended=False,
            amr=(),
            acr="aal1",
            authenticated_at=now,
        )
        return self._issuer.issue(grant, subject_epoch=1).access_token


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.1f} days"
