"""Why a use case could not do its work, in one line, and the exit code that says so."""

from libs.config.settings import SettingsInvalid
from libs.controls.refusal import told
from services.operator.config import NothingRuns
from services.operator.terminal.exits import Exit
from wardenry.errors.error import DeadlineExceeded, Unavailable, WardenryError


def failure_of(error: Exception) -> tuple[str, Exit] | None:
    """None for a defect: that is told with its traceback."""
    match error:
        case NothingRuns():
            return str(error), Exit.UNAVAILABLE
        case SettingsInvalid():
            return str(error), Exit.CONFIGURATION
        case Unavailable() | DeadlineExceeded():
            line = f"The deployment does not answer: {told(error)}. wardenry status shows which part of it runs."
            return line, Exit.UNAVAILABLE
        case WardenryError():
            return f"Refused: {told(error)}.", Exit.REFUSED
        case OSError():
            return f"{error.filename or 'The deployment'}: {error.strerror or error}.", Exit.CONFIGURATION
    return None
