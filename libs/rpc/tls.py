"""TLS 1.3 alone, which is a matter of the process's environment."""

#: gRPC takes TLS 1.2 and has no setting against it. Named alone, a suite that no certificate of ours can negotiate
#: leaves nothing of 1.2, and 1.3, whose suites are another list, works. gRPC reads it when it is imported, never again.
TLS_1_3_ONLY = {"GRPC_SSL_CIPHER_SUITES": "ECDHE-PSK-AES128-CBC-SHA"}
#: What a supervisor puts into the environment of each process; libs.rpc.process starts itself again where it is
#: missing.
#: gRPC's own lines on stderr, one for every handshake that fails, which anybody can cause, are turned off.
ENVIRONMENT = {**TLS_1_3_ONLY, "GRPC_VERBOSITY": "NONE"}
