"""What the command's exit code means. docs/operations/operator.md lists them."""

from enum import IntEnum


class Exit(IntEnum):
    #: Done, and all is well.
    OK = 0
    #: Looked, and something is not as it should be; the output says what.
    NOT_WELL = 1
    #: The command line is wrong; typer's own. Of `controls check` also: not everything could be looked at.
    USAGE = 2
    #: Refused: what was asked for was done before, and is done once only.
    DONE_BEFORE = 3
    #: sysexits.h EX_UNAVAILABLE: nothing runs there, or it does not answer.
    UNAVAILABLE = 69
    #: sysexits.h EX_SOFTWARE: the service refused in a way that this command does not expect.
    REFUSED = 70
    #: sysexits.h EX_IOERR: what was found could not be written. Who closes a pipe has read enough, and that is none.
    OUTPUT = 74
    #: sysexits.h EX_CONFIG: a setting is missing or wrong.
    CONFIGURATION = 78
    #: 128 and the number of SIGINT, as shells say it.
    INTERRUPTED = 130
