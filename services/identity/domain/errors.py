"""What can go wrong, as types with data. server/errors.py says how each is told."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from wardenry.errors.error import Violation


class NameInvalid(Exception):
    """A person's name is empty, too long, or holds characters that cannot be shown."""

    violations: Sequence[Violation] = (
        Violation("display_name", "must have 1 to 128 characters, none of them a control character"),
    )


class RegistrationExists(Exception):
    """There is a registration of this id: with other fields, of another browser, or expired: told alike."""


class PasswordWeak(Exception):
    """The password would be guessed. `feedback` says how to mend it, in words for the person."""

    def __init__(self, feedback: str) -> None:
        super().__init__("the password is too weak")
        self.metadata: Mapping[str, str] = {"feedback": feedback}


class CredentialsInvalid(Exception):
    """Address or password is wrong, or the account is unknown: told alike. `retry_after` is when to try again."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("address or password is wrong")
        self.retry_after = retry_after


class AuthenticationDelayed(Exception):
    """Too many failures: nothing was compared."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many failures")
        self.retry_after = retry_after


class CodeInvalid(Exception):
    """The mailed code is wrong, spent, expired or of another browser: told alike."""


class TicketInvalid(Exception):
    """The ticket is unknown, spent, expired, of another browser or of a lower epoch: told alike."""


class CredentialChanged(Exception):
    """Somebody else changed the credential while this call was verifying it."""


class SubjectUnknown(Exception):
    """There is no such subject, or it was erased."""


class HashingBusy(Exception):
    """As many passwords are being hashed, and wait to be, as this process admits. Nothing was compared."""


class SessionsUnavailable(Exception):
    """Session did not confirm that it ended the subject's sessions. It will, by the event."""


class PlatformIndestructible(Exception):
    """The platform's own key is no workspace's: it is never destroyed."""

    def __init__(self) -> None:
        super().__init__("the platform's key is never destroyed")
        self.violations = (Violation("workspace_id", "must be a workspace, not the platform"),)
