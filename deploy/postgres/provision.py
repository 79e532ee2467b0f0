"""Roles and databases with least privilege: the same for the local stack, the tests and a cluster of your own.

    python -m deploy.postgres.provision --administrator-url-file FILE --secrets DIRECTORY identity session ...

makes what is missing, may be run again, and leaves in DIRECTORY one file per role, `<service>_<role>.url`, to point the
services' settings at. The vault belongs on a cluster of its own.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from libs.ids import Entropy, SystemEntropy

ROLES_SQL = Path(__file__).with_name("roles.sql")
#: What the roles of one service have besides: the vault's cluster alone.
FURTHER_SQL = {"vault": Path(__file__).with_name("vault.sql")}
#: The roles of a service that log in. The vault's cluster has neither an outbox nor jobs that read or write keys.
LOGINS: Mapping[str, tuple[str, ...]] = {
    "identity": ("owner", "runtime", "relay", "jobs"),
    "session": ("owner", "runtime", "relay", "jobs"),
    "tenancy": ("owner", "runtime", "relay", "jobs"),
    "audit": ("owner", "runtime", "relay", "jobs"),
    "datarights": ("owner", "runtime", "relay", "jobs"),
    "vault": ("owner", "runtime", "maintenance"),
}
#: What names in SQL are made of here, so that none of them needs quotes.
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,50}")
#: RFC 7677 asks for at least 4,096; the passwords are random, so more would only slow log-ins down.
SCRAM_ITERATIONS = 4096
CONNECT_SECONDS = 10


async def provision(
    *, administrator_url: str, service: str, passwords: Mapping[str, str], entropy: Entropy, database: str | None = None
) -> None:
    """Make the service's roles and its database (named like it by default), and set the roles' passwords.

    `passwords` has one for each of `LOGINS[service]`.
    """
    database = database or service
    for name in (service, database):
        if not IDENTIFIER.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a service or a database")
    cluster = await asyncpg.connect(administrator_url, timeout=CONNECT_SECONDS)
    try:
        await cluster.execute("REVOKE CONNECT, TEMP ON DATABASE postgres, template1 FROM PUBLIC")
        if not await cluster.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database):
            await cluster.execute(f"CREATE DATABASE {database}")
    finally:
        await cluster.close()
    connection = await asyncpg.connect(on_database(administrator_url, database), timeout=CONNECT_SECONDS)
    try:
        await connection.execute(roles_sql(service, database))
        for role in LOGINS[service]:
            verifier = scram_verifier(passwords[role], salt=entropy.bytes(16))
            await connection.execute(f"ALTER ROLE {service}_{role} PASSWORD '{verifier}'")
    finally:
        await connection.close()


def roles_sql(service: str, database: str) -> str:
    """`roles.sql` for one service, and what is its own."""
    logins = [f"{service}_{role}" for role in LOGINS[service]]
    replacements = {
        "{logins}": f"ARRAY[{', '.join(repr(login) for login in logins)}]",
        "{grantees}": ", ".join(logins),
        "{service}": service,
        "{database}": database,
    }
    text = ROLES_SQL.read_text()
    if service in FURTHER_SQL:
        text += FURTHER_SQL[service].read_text()
    for placeholder, value in replacements.items():
        text = text.replace(placeholder, value)
    return text


def scram_verifier(password: str, *, salt: bytes) -> str:
    """What PostgreSQL stores for a password (RFC 5803), so that the password itself is in no statement and no log."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    encoded = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client_key).digest(), server_key))
    return "SCRAM-SHA-256${}:{}${}:{}".format(SCRAM_ITERATIONS, *encoded)


def on_database(url: str, database: str) -> str:
    """The same address with another database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def role_url(administrator_url: str, *, role: str, password: str, database: str) -> str:
    """Where `role` logs in to `database` of the same cluster."""
    parts = urlsplit(administrator_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{address}", path=f"/{database}"))


def provision_with_files(*, administrator_url: str, service: str, secrets: Path, entropy: Entropy) -> None:
    """`provision`, with passwords kept in `secrets` between runs, and one file `<service>_<role>.url` per role."""
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords = {}
    for role in LOGINS[service]:
        file = secrets / f"{service}_{role}.password"
        if not file.exists():
            write_secret(file, entropy.bytes(24).hex().encode())
        passwords[role] = file.read_text()
    asyncio.run(provision(administrator_url=administrator_url, service=service, passwords=passwords, entropy=entropy))
    for role, password in passwords.items():
        url = role_url(administrator_url, role=f"{service}_{role}", password=password, database=service)
        write_secret(secrets / f"{service}_{role}.url", url.encode())


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.postgres.provision", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--administrator-url-file", type=Path, required=True, help="a file with the administrator's URL"
    )
    parser.add_argument("--secrets", type=Path, required=True, help="the directory for passwords and URLs")
    parser.add_argument("services", nargs="+", choices=sorted(LOGINS), metavar="service", help=", ".join(LOGINS))
    arguments = parser.parse_args()
    try:
        administrator_url = arguments.administrator_url_file.read_text().strip()
        for service in arguments.services:
            provision_with_files(
                administrator_url=administrator_url,
                service=service,
                secrets=arguments.secrets,
                entropy=SystemEntropy(),
            )
    except (OSError, asyncpg.PostgresError) as error:
        sys.exit(f"could not provision: {error}")


if __name__ == "__main__":
    main()
