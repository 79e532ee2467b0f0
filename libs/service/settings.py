"""Settings of a service that has a database, and of one that mails besides."""

from pathlib import Path

from pydantic import Field

from libs.config.settings import ExistingFile, Settings


class DatabaseSettings(Settings):
    """What Settings says, and what every service with a database and events needs."""

    #: Connection URLs, one line each, of the roles <service>_runtime, <service>_relay and <service>_jobs.
    database_url_file: ExistingFile
    relay_database_url_file: ExistingFile
    jobs_database_url_file: ExistingFile
    #: Connections of the runtime role, at most.
    database_connections: int = Field(default=10, ge=2, le=500)
    #: Directory with <service>.key, 32 bytes: the MAC key of its events; and with those of the sources that it takes
    #: events in from.
    mac_keys_directory: Path


class MailSettings(DatabaseSettings):
    """What DatabaseSettings says, and what a service that mails needs."""

    #: The mail server, and who mails are from.
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_sender: str = Field(default="no-reply@localhost", pattern=r"^[^@\s]+@[^@\s]+$")
    #: Whether mail is handed over by STARTTLS alone.
    smtp_start_tls: bool = False
    #: Certificate authorities of the mail server, PEM; the system's list without it.
    smtp_ca_file: ExistingFile | None = None
