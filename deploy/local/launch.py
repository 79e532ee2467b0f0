"""What runs first in every process of the local stack: ties itself to its parent, gives up root, becomes the program.

Standard library only, run as

    python -I -S launch.py <parent pid> <signal> <keep|namespace|nobody> <program> [argument...]

It is a program and not a `preexec_fn` because the parent has threads, and code between fork and exec may then deadlock.
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
#: A user that every system knows; PostgreSQL's programs look themselves up.
NOBODY = 65534


def enter_namespace() -> None:
    """Become `nobody` in a user namespace of our own, where `nobody` is whoever we are outside.

    Files need no new owner, and a home below `/root` stays reachable.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "this kernel gives no user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")


def become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def die_with_parent(parent: int, signal_number: int) -> None:
    """Have the kernel send us the signal when our parent ends. Called last: a change of user forgets it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def main() -> None:
    parent, signal_number, privileges, *program = sys.argv[1:]
    if privileges == "namespace":
        enter_namespace()
    elif privileges == "nobody":
        become_nobody()
    die_with_parent(int(parent), int(signal_number))
    os.execv(program[0], program)  # noqa: S606 - there is no shell, by design


if __name__ == "__main__":
    main()
