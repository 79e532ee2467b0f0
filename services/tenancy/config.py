"""Settings of tenancy. WARDENRY_TENANCY_<FIELD>, beside those of libs.service.settings."""

from typing import ClassVar

from pydantic import Field

from libs.config.settings import ExistingFile
from libs.service.settings import DatabaseSettings


class TenancySettings(DatabaseSettings):
    service: ClassVar[str] = "tenancy"

    #: File with the root key of blind indexes, 32 bytes. Without it open invitations cannot be accepted any more.
    blind_index_key_file: ExistingFile
    #: Host of the mail server.
    smtp_host: str = "127.0.0.1"
    #: Its port.
    smtp_port: int = Field(default=25, ge=1, le=65535)
    #: Whether to demand STARTTLS.
    smtp_start_tls: bool = False
    #: Certificate authority of the mail server, PEM; the system's list when absent.
    smtp_ca_file: ExistingFile | None = None
    #: Sender of the mails.
    smtp_sender: str = Field(default="no-reply@localhost", pattern=r"^[^@\s]+@[^@\s]+$")
