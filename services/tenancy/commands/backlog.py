"""What happens after a command's transaction: mails, adoption of keys, deletion of what has aged."""

import logging
from uuid import UUID

from libs.crypto.secret_hash import hash_of
from libs.ids import Entropy
from libs.mail.mail import Mail, Mailer, MailRefused, MailUnavailable
from services.tenancy.domain.invitation import SECRET_BYTES, DueMail
from services.tenancy.domain.mail import invitation_mail
from services.tenancy.domain.ports import Backlog, Vault
from wardenry import base64url
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

_ADOPTIONS = 100


class BacklogCommands:
    """Works off what is due. Each may be run at any time, by any number of processes."""

    def __init__(
        self, *, backlog: Backlog, vault: Vault, mailer: Mailer, entropy: Entropy, clock: Clock, origin: str
    ) -> None:
        """`origin` is the configured origin of the gateway: links in mails come from nowhere else."""
        self._backlog = backlog
        self._vault = vault
        self._mailer = mailer
        self._entropy = entropy
        self._clock = clock
        self._origin = origin

    async def mail_invitations(self) -> None:
        """Mails every invitation that is due. A secret is drawn for each try and stored as its hash alone, so what is
        mailed can be read in no database. Raises KeysUnavailable; what could not be mailed is due again later."""
        while True:
            secret = self._entropy.bytes(SECRET_BYTES)
            due = await self._backlog.next_mail(now=self._clock.now(), secret_hash=hash_of(secret))
            if due is None:
                return
            (address,) = await self._vault.addresses([due])
            if address is None:
                await self._backlog.mailed(due, at=None)
                continue
            try:
                await self._mailer.send(self._mail(due, address=address, secret=secret))
            except MailRefused as error:
                _log.warning("an invitation will never be mailed: %s", error)
                await self._backlog.mailed(due, at=None)
                continue
            except MailUnavailable as error:
                _log.warning("an invitation could not be mailed and will be tried again: %s", error)
                continue
            await self._backlog.mailed(due, at=self._clock.now())

    async def adopt_keys(self) -> None:
        """Has the keys of accepted invitations adopted. Raises KeysUnavailable."""
        while adoptions := await self._backlog.unadopted(limit=_ADOPTIONS):
            for adoption in adoptions:
                await self._vault.adopt(adoption)
                await self._backlog.adopted(adoption, at=self._clock.now())

    async def prune(self) -> None:
        """Deletes what has aged."""
        await self._backlog.prune()

    def _mail(self, due: DueMail, *, address: str, secret: bytes) -> Mail:
        return invitation_mail(
            recipient=address,
            workspace_name=due.workspace_name,
            role=due.role,
            link=invitation_link(self._origin, due.invitation, secret),
            expires_at=due.expires_at,
        )


def invitation_link(origin: str, invitation: UUID, secret: bytes) -> str:
    """Where an invitation is accepted. The secret is in the fragment: it reaches no server's log and no referrer."""
    return f"{origin}/invitations/{invitation}#{base64url.encode(secret)}"
