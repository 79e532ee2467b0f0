"""Settings of session: WARDENRY_SESSION_<FIELD>, beside those of libs.service.settings."""

from typing import ClassVar

from pydantic import Field

from libs.config.settings import ExistingFile
from libs.service.settings import DatabaseSettings


class SessionSettings(DatabaseSettings):
    service: ClassVar[str] = "session"

    #: Keyring that wraps the signing keys; docs/formats/key-derivation.md.
    keyring_file: ExistingFile
    #: Keys of refresh tokens, 32 bytes for each version; docs/formats/refresh-token.md.
    refresh_key_file: ExistingFile
    #: Product services that tokens may be exchanged for: their mutual-TLS names, comma-separated.
    audiences: str = Field(default="records", pattern=r"^([a-z][a-z0-9-]{0,62}(,[a-z][a-z0-9-]{0,62})*)?$")
    #: Life of access tokens, seconds.
    access_token_seconds: int = Field(default=600, ge=60, le=900)
    #: Life of exchanged tokens, seconds; never longer than the token that was exchanged.
    exchanged_token_seconds: int = Field(default=300, ge=10, le=300)
    #: Sessions end after so many seconds without use, where no workspace's policy says otherwise.
    idle_seconds: int = Field(default=14 * 86_400, ge=300)
    #: Sessions end after so many seconds in any case.
    absolute_seconds: int = Field(default=90 * 86_400, ge=300)
    #: A signing key signs for so many seconds before the next takes its place; at least two hours.
    signing_key_seconds: int = Field(default=30 * 86_400, ge=7_200)
    #: One grant may be refreshed so often at once, and after that once in so many seconds.
    refresh_burst: int = Field(default=60, ge=1, le=1_000_000)
    refresh_interval_seconds: float = Field(default=10, ge=0.001, le=3_600)
    #: Refreshes that are carried out together, at most.
    batch_size: int = Field(default=64, ge=1, le=500)

    @property
    def exchange_audiences(self) -> frozenset[str]:
        """The product services, as a set."""
        return frozenset(name for name in self.audiences.split(",") if name)
