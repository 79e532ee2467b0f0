"""A user agent in words."""

import ua_parser


def device_words(user_agent: str) -> str:
    """Browser and system, as "Firefox on Linux"; what is unknown is left out, all unknown is "Unknown device"."""
    if not user_agent:
        return "Unknown device"
    parsed = ua_parser.parse(user_agent)
    browser = parsed.user_agent.family if parsed.user_agent else ""
    system = parsed.os.family if parsed.os else ""
    return " on ".join(part for part in (browser, system) if part) or "Unknown device"
