"""`python -m tests.bench.empty ADDRESS CA CERTIFICATE KEY`: the least that a gRPC server can do.

It answers Introspect over mutual TLS with an empty message: no interceptor, no database, nothing to decide.
"""

import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop

from wardenry.credentials import TlsFiles
from wardenry.session.v1 import token_pb2, token_pb2_grpc

_ANSWER = token_pb2.IntrospectResponse()


class EmptyHandlers(token_pb2_grpc.TokenServiceServicer):
    async def Introspect(self, request: token_pb2.IntrospectRequest, context: Any) -> token_pb2.IntrospectResponse:
        return _ANSWER


async def serve(address: str, tls: TlsFiles) -> None:
    server = grpc.aio.server()
    token_pb2_grpc.add_TokenServiceServicer_to_server(EmptyHandlers(), server)
    server.add_secure_port(address, tls.server_credentials())
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    address, ca_file, certificate_file, key_file = sys.argv[1:]
    tls = TlsFiles(ca_file=Path(ca_file), certificate_file=Path(certificate_file), key_file=Path(key_file))
    uvloop.run(serve(address, tls))


if __name__ == "__main__":
    main()
