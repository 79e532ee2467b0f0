"""What session issues, and what the gateway publishes of it, by what they show to the prober of control S1."""

import jwt

from libs.controls.access_tokens import KeysUnreadable, read_keys
from libs.controls.deployment import Unreachable, examine, fetch
from libs.controls.exhibits import ACCESS_TOKEN, KEY_IDS
from services.operator.clients.deployment import Deployment
from services.operator.domain.ports import Issued, Unseen

_JWKS = "/.well-known/jwks.json"
_CONTROL = "S1"


class ProbedTokens:
    def __init__(self, *, deployment: Deployment) -> None:
        self._deployment = deployment

    async def issued(self) -> Issued:
        try:
            shown = (await examine(self._deployment, "session", _CONTROL)).exhibits
            (published,) = await fetch(self._deployment, [_JWKS])
            # Whether it is good is the control's to judge: here is asked for whom it is meant to be.
            claims = jwt.decode(shown[ACCESS_TOKEN].decode(), options={"verify_signature": False})
            return Issued(
                issuer=str(claims.get("iss", "")),
                known=frozenset(shown[KEY_IDS].decode().split()),
                published=frozenset(str(key.get("kid", "")) for key in read_keys(published)),
            )
        except Unreachable as error:
            raise Unseen(str(error)) from error
        except KeysUnreadable as error:
            raise Unseen(f"the keys that the gateway publishes cannot be read: {error}") from error
        except (jwt.InvalidTokenError, KeyError, UnicodeDecodeError) as error:
            raise Unseen("session showed no token that can be read") from error
