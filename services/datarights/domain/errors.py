"""What can be wrong. server/errors.py says how each is told."""

from collections.abc import Mapping, Sequence

from wardenry.subject_data import Obstacle


class IdInvalid(Exception):
    """An identifier chosen by the caller is no UUID version 7."""


class PageTokenInvalid(Exception):
    """A page token that this list did not hand out."""


class RequestUnknown(Exception):
    """The subject has no such request, or no archive of it that can be fetched."""


class RequestExists(Exception):
    """The identifier is taken by another request."""


class RequestRunning(Exception):
    """The subject has a request of this kind under way."""


class ErasureObstructed(Exception):
    """Workspaces would be left without an owner."""

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        super().__init__(f"{len(obstacles)} workspaces would be left without an owner")
        self.metadata: Mapping[str, str] = {
            "workspaces": ",".join(str(each.workspace) for each in obstacles),
            "names": "\n".join(each.name for each in obstacles),
        }


class SignInAgain(Exception):
    """Session takes the caller's token no more."""


class PersonErased(Exception):
    """The person's key was destroyed: nothing can be sealed for them, or opened, ever again."""


class KeysUnavailable(Exception):
    """The vault did not answer. Nothing has happened."""


class WarrantsUnavailable(Exception):
    """Session did not answer, or gives no warrant for the request any more."""


class ParticipantUnavailable(Exception):
    """A service that holds personal data did not answer, or could not do what it was asked."""

    def __init__(self, participant: str, reason: str) -> None:
        super().__init__(f"{participant}: {reason}")
        self.participant = participant


class ParticipantInvalid(Exception):
    """A service sent a row of a category or with fields that it has not described."""


class PartInvalid(Exception):
    """What was gathered cannot be read: an older version's, or not what was written."""


class ObjectsUnavailable(Exception):
    """The object store did not answer."""


class LeaseLost(Exception):
    """Another attempt works on the request by now; nothing of this one was recorded."""
