"""By what clients of a limit are told apart before anything else is known of them."""

import ipaddress


def network_of(address: str) -> str:
    """The network that an IP address counts for: an IPv4 address for itself, an IPv6 address for its /64."""
    if ":" not in address:
        return address
    known = ipaddress.IPv6Address(address)
    # An IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2) shares its /64 with all the others.
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    # One household is given a whole IPv6 /64: counting single addresses would count nothing.
    return str(ipaddress.ip_network((known, 64), strict=False))
