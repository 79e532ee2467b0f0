"""What can go wrong in session, as types with data. server/errors.py says how each is told."""

from datetime import timedelta


class TicketInvalid(Exception):
    """The ticket is unknown, spent, expired, of another browser, or of a lower epoch than the subject has by now."""


class SessionExists(Exception):
    """The session of this id exists already. Its tokens were shown once."""


class SessionNotFound(Exception):
    """No live session of this id belongs to the subject."""


class SessionEnded(Exception):
    """The session behind the caller's token ended while the call was under way."""


class GrantExists(Exception):
    """The grant of this id exists already. Its tokens were shown once."""


class NotMember(Exception):
    """The subject is no member of the workspace, or there is no such workspace; the two are not told apart."""


class RefreshInvalid(Exception):
    """The refresh token is malformed, forged, expired, of another device, or what it belongs to has ended."""


class RefreshReused(Exception):
    """A spent refresh token was presented. Its session has been ended."""


class RefreshBusy(Exception):
    """The previous refresh token was presented too often inside its grace, or too many present one at once."""

    retry_after = timedelta(seconds=1)


class RefreshLimited(Exception):
    """The grant is refreshed faster than it may be. Nothing was consumed."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("refreshed too often")
        self.retry_after = retry_after


class AudienceUnknown(Exception):
    """The audience is not registered for token exchange."""


class WarrantExists(Exception):
    """The request of this id was authorized for another right, or too long ago."""


class WarrantNotFound(Exception):
    """The subject authorized no such request, or too long ago."""


class PageTokenInvalid(Exception):
    """This list did not hand out the page token, or not to this subject."""


class DependencyUnavailable(Exception):
    """Another service that is needed does not answer. Nothing was changed; the same call may be repeated."""

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} does not answer")
        self.service = service
