"""Settings for stacks whose people all share this machine's address, and are busier than people."""

from collections.abc import Mapping

#: As in production the services let through more than the edge, whose limits are what is met first.
BUSY: Mapping[str, str] = {
    "WARDENRY_GATEWAY_AUTHENTICATION_RATE": "6000",
    "WARDENRY_GATEWAY_STANDARD_RATE": "60000",
    **{
        f"WARDENRY_{service}_{limit_class}_RATE": rate
        for service in ("IDENTITY", "SESSION", "TENANCY", "AUDIT", "DATARIGHTS")
        for limit_class, rate in (("AUTHENTICATION", "12000"), ("STANDARD", "120000"), ("BULK", "12000"))
    },
}
