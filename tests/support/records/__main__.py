"""An example of a product's own service, protected by the SDK, over HTTP and over gRPC.

    python -m tests.support.records --pki DIRECTORY --issuer https://… --session … --tenancy … --audit …

It prints one line of JSON with its addresses when it answers, and ends on SIGTERM.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

import grpc

from libs.ids import SystemEntropy, Uuid7Ids
from tests.support.records import application, servicer
from tests.support.records.changes import Changes
from tests.support.records.http import HttpServer
from tests.support.records.store import Records
from wardenry.clock import SystemClock
from wardenry.credentials import TlsFiles
from wardenry.protection import Wardenry

NAME = "records"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.records")
    for name in ("pki", "issuer", "session", "tenancy", "audit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--http", default="127.0.0.1:0", help="host:port of the HTTP side")
    parser.add_argument("--grpc", default="127.0.0.1:0", help="host:port of the gRPC side")
    return parser.parse_args()


async def serve(asked: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    pki = Path(asked.pki)
    tls = TlsFiles(ca_file=pki / "ca.crt", certificate_file=pki / f"{NAME}.crt", key_file=pki / f"{NAME}.key")
    peers = {"session": asked.session, "tenancy": asked.tenancy, "audit": asked.audit}

    # From here to the two servers is what protecting a service takes.
    async with Wardenry.open(service=NAME, issuer=asked.issuer, tls=tls, **peers) as wardenry:
        ids = Uuid7Ids(clock=SystemClock(), entropy=SystemEntropy())
        changes = Changes(records=Records(), log=wardenry.records, ids=ids)
        protected = wardenry.application(application.application(changes), application.PERMISSIONS)
        server = grpc.aio.server(interceptors=[wardenry.interceptor(servicer.PERMISSIONS)])

        servicer.register(changes, server)
        grpc_port = server.add_secure_port(asked.grpc, tls.server_credentials())
        await server.start()
        async with HttpServer.listening(protected, asked.http) as http:
            print(json.dumps({"http": http.address, "grpc": f"127.0.0.1:{grpc_port}"}), flush=True)
            await stopping.wait()
        await server.stop(1)


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
