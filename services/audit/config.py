"""Settings of audit: WARDENRY_AUDIT_<FIELD>, beside those of libs.service.settings."""

from typing import ClassVar

from pydantic import Field

from libs.config.settings import ExistingFile
from libs.service.settings import DatabaseSettings


class AuditSettings(DatabaseSettings):
    service: ClassVar[str] = "audit"

    #: Connections of the runtime role, at most.
    database_connections: int = Field(default=20, ge=2, le=500)
    #: Ed25519 seed that checkpoints are signed with, 32 raw bytes.
    checkpoint_key_file: ExistingFile
    #: The public key before it, in verifier form: named when it is to be retired, at a start with another key file.
    retired_checkpoint_key: str = ""
    #: Origin of the logs and name of the key: a schema-less URL that is this deployment's for ever.
    log_origin: str = Field(
        default="localhost/audit", pattern=r"^[^\s+]{1,200}$", description="set a name without spaces or +"
    )
    #: Events taken in at a time, at most.
    batch: int = Field(default=2000, ge=1, le=10_000)
    #: Seconds between the ticks at which heads of logs enter the platform log.
    anchor_seconds: int = Field(default=60, ge=1, le=3600)
    #: Where segments of the log go.
    object_store_url: str = Field(pattern=r"^(file|s3|gs|az)://.+", description="set a URL: file, s3, gs or az")
