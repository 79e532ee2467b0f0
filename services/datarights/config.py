"""Settings of datarights: WARDENRY_DATARIGHTS_<FIELD>, beside those of libs.service.settings."""

from typing import ClassVar

from pydantic import Field

from libs.config.settings import ExistingFile
from libs.service.settings import DatabaseSettings


class DatarightsSettings(DatabaseSettings):
    service: ClassVar[str] = "datarights"

    #: Ed25519 seed that archives are signed with, 32 bytes.
    archive_key_file: ExistingFile
    #: Name of that key; it is in every archive's signature.
    archive_key_name: str = Field(
        default="localhost/archive", pattern=r"^[^\s+]+$", description="set a name without spaces or +"
    )
    #: Where archives are kept, sealed, until they are fetched: file://, s3://, gs:// or az://.
    object_store_url: str = Field(pattern=r"^(file|s3|gs|az)://.+$", description="set a URL: file, s3, gs or az")
