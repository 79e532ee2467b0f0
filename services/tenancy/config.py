"""Settings of tenancy: WARDENRY_TENANCY_<FIELD>, beside those of libs.service.settings."""

from typing import ClassVar

from libs.config.settings import ExistingFile
from libs.service.settings import MailSettings


class TenancySettings(MailSettings):
    service: ClassVar[str] = "tenancy"

    #: File with the root key of blind indexes, 32 bytes. Without it open invitations cannot be accepted any more.
    blind_index_key_file: ExistingFile
