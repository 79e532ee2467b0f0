"""`python -m tests.support.tls_server CA CERT KEY [--anybody]`: a gRPC server whose TLS is as the environment says.

It prints its port and serves until its standard input ends.
"""

import asyncio
import sys
from pathlib import Path

import grpc


async def main(ca: str, certificate: str, key: str, *options: str) -> None:
    server = grpc.aio.server()
    anybody = "--anybody" in options
    credentials = grpc.ssl_server_credentials(
        [(Path(key).read_bytes(), Path(certificate).read_bytes())],  # noqa: ASYNC240 - nothing else runs yet
        root_certificates=None if anybody else Path(ca).read_bytes(),  # noqa: ASYNC240 - likewise
        require_client_auth=not anybody,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
