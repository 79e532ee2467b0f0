"""Settings of the gateway: WARDENRY_GATEWAY_<FIELD>, beside those that every service has."""

from typing import ClassVar

from pydantic import Field

from libs.config.settings import Address, ExistingFile, Settings


class GatewaySettings(Settings):
    service: ClassVar[str] = "gateway"

    #: Where HTTPS is served, host:port.
    https_listen: Address = "127.0.0.1:8443"
    #: The edge's certificate chain, PEM.
    certificate_file: ExistingFile
    #: Its key, PEM.
    key_file: ExistingFile
    #: Where plain HTTP is served as well, on localhost alone: the local profile's first page. Empty: nowhere.
    http_listen: str = Field(default="", pattern=r"^((127\.0\.0\.1|localhost|\[::1\]):\d{1,5})?$")
    #: 32 random bytes that CSRF tokens are derived with.
    csrf_key_file: ExistingFile
    #: Trusted proxies in front, which each add one address to X-Forwarded-For.
    forwarded_hops: int = Field(default=0, ge=0, le=10)
    #: Requests a minute from one network to what checks a guessable secret or sends mail.
    authentication_rate: int = Field(default=60, ge=1)
    #: Requests a minute from one network to everything else.
    standard_rate: int = Field(default=1200, ge=1)
    #: Where the local profile shows caught mails; empty in every other deployment.
    mailbox: str = ""

    @property
    def origins(self) -> frozenset[str]:
        """Origins that our own pages are served from, and so the only ones that unsafe requests may come from."""
        return frozenset({self.issuer, *filter(None, [self.http_origin])})

    @property
    def http_origin(self) -> str:
        """The origin of our pages over plain HTTP; empty where there is none."""
        return f"http://localhost:{self.http_listen.rpartition(':')[2]}" if self.http_listen else ""
