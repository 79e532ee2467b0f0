"""How a program is run that refuses to be root, or a user without a name, when that is what we are. PostgreSQL does."""

import os
import pwd
import subprocess
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path

from deploy.local.launch import NOBODY

LAUNCH = Path(__file__).with_name("launch.py")


class Privileges(StrEnum):
    """What `launch.py` does before it becomes the program."""

    KEEP = "keep"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


class Unreachable(Exception):
    """Root's files that the unprivileged user cannot reach. The text says what to do."""


@cache
def unprivileged() -> Privileges:
    """The least intrusive way to be a normal user here: nothing to do, a user namespace, or `nobody`."""
    user = os.geteuid()
    if user != 0 and is_known(user):
        return Privileges.KEEP
    if sys.platform == "linux":
        probe = launch(["/bin/sh", "-c", "test $(id -u) != 0"], death_signal=9, privileges=Privileges.NAMESPACE)
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return Privileges.NAMESPACE
    return Privileges.NOBODY if user == 0 else Privileges.KEEP


def is_known(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def launch(program: list[str], *, death_signal: int, privileges: Privileges) -> list[str]:
    """The command line that runs `program` tied to this process and with those privileges."""
    return [
        sys.executable,
        "-I",
        "-S",
        str(LAUNCH),
        str(os.getpid()),
        str(int(death_signal)),
        privileges.value,
        *program,
    ]


def hand_over(path: Path, privileges: Privileges) -> None:
    """Give `path` to the user that the program will run as.

    Raises Unreachable when `nobody` could not get there.
    """
    if privileges is not Privileges.NOBODY:
        return
    require_reachable(path.parent)
    os.chown(path, NOBODY, NOBODY)


def require_reachable(directory: Path) -> None:
    """Raise Unreachable unless everybody may enter `directory` and all above it."""
    for place in (directory, *directory.parents):
        if not place.stat().st_mode & 0o001:
            raise Unreachable(
                f"PostgreSQL refuses to run as root and others may not enter {place}:"
                " run as a normal user, or set WARDENRY_HOME to a directory that everybody may enter."
            )
