"""What audit refuses."""


class EntryNotFound(Exception):
    """The log has no entry of this index."""


class CheckpointNotFound(Exception):
    """No checkpoint of this size was signed."""


class SigningPaused(Exception):
    """The log has no checkpoint yet, and this process may not sign one: the logs' key is being renewed, or was."""


class KeyRefused(Exception):
    """The key that the service was given is not to sign the logs. The text says why; no caller sees this."""


class AnchorNotFound(Exception):
    """No checkpoint of this log has got to the platform log yet."""


class ObjectsUnavailable(Exception):
    """The object store does not take or give what it was asked for; no caller sees this."""


class SegmentsAhead(Exception):
    """The object store has segments that the database does not know: the database was restored to an earlier point.
    Whatever is released over it may contradict what was released before; no caller sees this."""


class TileNotFound(Exception):
    """The newest checkpoint does not cover this tile, or not as many hashes of it."""


class PageTokenInvalid(Exception):
    """The page token is none, or of another log or filter."""


class ActionNotAllowed(Exception):
    """A product records what happened to its records, and nothing else."""


class TimeOutOfRange(Exception):
    """A record's time lies in the future, or more than a day back."""


class RecordExists(Exception):
    """Another record was acknowledged under this event id."""


class PersonErased(Exception):
    """The person's key was destroyed: nothing about them can be sealed any more."""


class KeysUnavailable(Exception):
    """The vault does not answer."""


class EventRefused(Exception):
    """An event that its source may not send, or that contradicts itself. It is set aside; no caller sees this."""


class TreeMoved(Exception):
    """Another transaction appended to the log in between; nothing of this one may stand."""
