"""Which address a request comes from, when proxies stand before the gateway."""

import ipaddress

from starlette.requests import Request


class ClientAddress:
    """Counts X-Forwarded-For from the right over the trusted hops; nothing further left is believed."""

    def __init__(self, *, hops: int) -> None:
        self._hops = hops

    def of(self, request: Request) -> str:
        """The client's IP address in canonical text.

        With trusted hops configured, a header that is too short or does not parse means that the request did not come
        by the proxies: the connection's own address is taken, so that no limit or log line is ever without one.
        """
        connection = request.client.host if request.client else "0.0.0.0"  # noqa: S104 - "unknown", not a listening address
        if self._hops == 0:
            return _canonical(connection) or connection
        forwarded = [
            part.strip() for header in request.headers.getlist("x-forwarded-for") for part in header.split(",")
        ]
        if len(forwarded) < self._hops:
            return _canonical(connection) or connection
        return _canonical(forwarded[-self._hops]) or _canonical(connection) or connection


def _canonical(text: str) -> str | None:
    # Proxies write "[2001:db8::1]:443" and "192.0.2.1:443" too.
    candidate = text.strip('"')
    if candidate.startswith("["):
        candidate = candidate[1:].partition("]")[0]
    elif candidate.count(":") == 1:
        candidate = candidate.partition(":")[0]
    try:
        address = ipaddress.ip_address(candidate.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
