"""By what clients of a limit are told apart before anything else is known of them."""

import ipaddress


def network_of(address: str) -> str:
    """The network that an IP address counts for: an IPv4 address for itself, an IPv6 address for its /64."""
    # One household is given a whole IPv6 /64: counting single addresses would count nothing.
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if ":" in address else address
