"""`python -m deploy.local.mail --smtp-port N --http-port N --directory DIRECTORY`: catches every mail and shows it."""

import argparse
import asyncio
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP

from deploy.local.mail.mailbox import Mailbox
from deploy.local.mail.receiver import Receiver
from deploy.local.mail.web import application
from wardenry.clock import SystemClock


async def serve(*, smtp_port: int, http_port: int, directory: Path) -> None:
    mailbox = Mailbox(directory=directory, clock=SystemClock())
    receiver = Receiver(mailbox)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: SMTP(receiver, enable_SMTPUTF8=True, hostname="localhost", loop=loop), "127.0.0.1", smtp_port
    )
    web = uvicorn.Server(
        uvicorn.Config(application(mailbox), host="127.0.0.1", port=http_port, log_level="warning", lifespan="off")
    )
    async with smtp:
        await web.serve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mail")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(smtp_port=arguments.smtp_port, http_port=arguments.http_port, directory=arguments.directory))


if __name__ == "__main__":
    main()
