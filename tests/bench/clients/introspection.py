"""`python -m tests.bench.clients.introspection`: asks whether tokens are good, also while their sessions end."""

import asyncio
import itertools
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench.clients.loop import Answer, Command, Load, serve
from wardenry.channels import open_channel
from wardenry.credentials import TlsFiles
from wardenry.session.v1.session_pb2 import EndSessionRequest
from wardenry.session.v1.session_pb2_grpc import SessionServiceStub
from wardenry.session.v1.token_pb2 import IntrospectRequest
from wardenry.session.v1.token_pb2_grpc import TokenServiceStub

#: Loops that ask about a token whose session is ended, and how long before and after the end, in seconds.
LOOPS, AROUND = 16, 0.25
_PATIENCE = 10.0


class Client:
    """Asks session, or the empty handler, as a product's service."""

    def __init__(self, opened: Command) -> None:
        tls = {name: TlsFiles(**{k: Path(v) for k, v in files.items()}) for name, files in opened["tls"].items()}
        session = open_channel(target=opened["session"], peer="session", tls=tls["records"])
        empty = open_channel(target=opened["empty"], peer="session", tls=tls["records"])
        self._stubs = {"session": TokenServiceStub(session), "empty": TokenServiceStub(empty)}
        edge = open_channel(target=opened["session"], peer="session", tls=tls["gateway"])
        self._sessions = SessionServiceStub(edge)
        tokens = json.loads(Path(opened["tokens_file"]).read_text())
        # The last ones are for those that end.
        self._living = itertools.cycle(tokens[: len(tokens) // 2])
        self._ending = iter(tokens[len(tokens) // 2 :])

    async def __call__(self, command: Command) -> Answer:
        if "ended" in command:
            return await self._while_ended(int(command["ended"]))
        stub, active = self._stubs[command["of"]], command["of"] == "session"

        async def once(_loop: int) -> None:
            answer = await stub.Introspect(IntrospectRequest(token=next(self._living)), timeout=_PATIENCE)
            if answer.active is not active:
                raise RuntimeError(f"a good token was judged {answer.active}")

        return await Load().run(once, in_flight=command["in_flight"], seconds=command["seconds"])

    async def _while_ended(self, number: int) -> Answer:
        """Counts answers about tokens whose sessions end among them, by what they said and when they were asked for."""
        counted: Counter[str] = Counter()
        for _ in range(number):
            counted += await self._one_ended(next(self._ending))
        return dict(counted)

    async def _one_ended(self, token: str) -> Counter[str]:
        counted: Counter[str] = Counter()
        acknowledged = float("inf")
        stop = asyncio.Event()

        async def ask() -> None:
            while not stop.is_set():
                asked = time.perf_counter()
                answer = await self._stubs["session"].Introspect(IntrospectRequest(token=token), timeout=_PATIENCE)
                when = "after" if asked >= acknowledged else "before"
                counted[f"{'active' if answer.active else 'refused'} {when}"] += 1

        asking = [asyncio.create_task(ask()) for _ in range(LOOPS)]
        await asyncio.sleep(AROUND)
        metadata = (("authorization", f"Bearer {token}"),)
        await self._sessions.EndSession(EndSessionRequest(), metadata=metadata, timeout=_PATIENCE)
        acknowledged = time.perf_counter()
        await asyncio.sleep(AROUND)
        stop.set()
        await asyncio.gather(*asking)
        return counted


async def open_client(opened: Command) -> Any:
    return Client(opened)


if __name__ == "__main__":
    serve(open_client)
