"""TLS 1.3 alone, which is a matter of the process's environment."""

import os
import sys

#: gRPC takes TLS 1.2 and has no setting against it. Named alone, a suite that no certificate of ours can negotiate
#: leaves nothing of 1.2, and 1.3, whose suites are another list, works. gRPC reads it when it is imported, never again.
TLS_1_3_ONLY = {"GRPC_SSL_CIPHER_SUITES": "ECDHE-PSK-AES128-CBC-SHA"}
#: What a supervisor puts into the environment of each process; a process that lacks it starts itself again.
#: gRPC's own lines on stderr, one for every handshake that fails, which anybody can cause, are turned off.
ENVIRONMENT = {**TLS_1_3_ONLY, "GRPC_VERBOSITY": "NONE"}


def require_tls_1_3() -> None:
    """Have gRPC speak TLS 1.3 alone: where this process's environment does not say so, the same program with the same
    arguments takes its place, in one that does."""
    if any(os.environ.get(name) != value for name, value in TLS_1_3_ONLY.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**ENVIRONMENT, **os.environ, **TLS_1_3_ONLY})  # noqa: S606 - ourselves
