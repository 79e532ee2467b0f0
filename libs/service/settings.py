"""Settings of a service that is called, of one that has a database, and of one that mails besides."""

from pathlib import Path

from pydantic import Field

from libs.config.settings import ExistingFile, Settings


class LimitSettings(Settings):
    """What Settings says, and how often a service may be called.

    The contracts say which class a call is in and for whom it counts (wardenry.options.v1.LimitClass). A quarter of a
    minute's calls may come at once. STANDARD and AUTHENTICATION let more pass than the gateway does: they are for those
    who do not come through it.
    """

    #: Calls a minute of the class STANDARD, for each session in a workspace and each network.
    standard_rate: int = Field(default=6000, ge=1)
    #: The same of the class AUTHENTICATION: what checks a guessable secret or sends mail.
    authentication_rate: int = Field(default=300, ge=1)
    #: The same of the class BULK: exports.
    bulk_rate: int = Field(default=120, ge=1)


class DatabaseSettings(LimitSettings):
    """What LimitSettings says, and what every service with a database and events needs."""

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
