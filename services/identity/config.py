"""Settings of identity: WARDENRY_IDENTITY_<FIELD>, beside those of libs.service.settings."""

import os
from typing import ClassVar

from pydantic import Field

from libs.config.settings import ExistingFile
from libs.service.settings import MailSettings


class IdentitySettings(MailSettings):
    service: ClassVar[str] = "identity"

    #: Connection URL of the role vault_runtime.
    vault_database_url_file: ExistingFile
    #: The region's key: a keyring file, docs/formats/key-derivation.md.
    keyring_file: ExistingFile
    #: 32 bytes that every password is hashed with, and without which no stolen hash can be tried.
    pepper_file: ExistingFile
    #: 32 bytes that addresses and codes are found by.
    blind_index_key_file: ExistingFile

    #: How long hashing one password takes, in seconds: the work factor is chosen for it at start-up.
    password_hash_seconds: float = Field(default=0.25, gt=0, le=2)
    #: Passwords that are hashed at once; 0 means one for each processor.
    password_hash_threads: int = Field(default=0, ge=0, le=256)
    #: Passwords that wait to be hashed; who comes then is told to come again.
    password_hash_queue: int = Field(default=16, ge=0, le=10_000)

    #: Connection URL of the role vault_maintenance; without it what destroyed keys leave in the vault's files stays
    #: there until PostgreSQL needs the room.
    vault_maintenance_database_url_file: ExistingFile | None = None
    #: Seconds between rewritings of the vault's tables, at least, once keys were destroyed. They are closed meanwhile.
    vault_maintenance_seconds: float = Field(default=600, ge=1, le=86_400)
    #: Connections to the vault's database, at most.
    vault_connections: int = Field(default=5, ge=1, le=200)

    @property
    def hashing_threads(self) -> int:
        return self.password_hash_threads or os.cpu_count() or 1
