"""How much of the catalogue is built. What is in neither list is built whole; a probe shows whether it is kept."""

from collections.abc import Mapping

#: Controls that are built in part, and what of their promise is missing.
MISSING: Mapping[str, str] = {
    "A5": "signing in with a link or a code; a sign-up has its code",
    "S4": "a workspace's own policy; the times are the deployment's",
    "E4": "a KMS, and rotation on a schedule",
    "R1": "plans with their tiers, RateLimit headers; limits are by network",
    "R8": "networks of the deployment; mutual TLS is there",
    "D2": "asking for it; every service can correct",
    "D3": "back-ups, and the signed certificate",
    "D8": "a second region",
    "O5": "machines' keys, which do not exist yet",
    "O6": "break-glass access",
    "O7": "security.txt; the policy is there",
    "O11": "replicas of the stores",
}
#: Controls of which nothing is built or, where people keep them, written.
NOT_BUILT = frozenset(
    {
        *("A2", "A3", "A4", "A8"),
        *("E3", "E5"),
        *("R3", "R7"),
        "L4",
        *("D5", "D6", "D7", "D9", "D10", "D11"),
        *("O1", "O2", "O3", "O4", "O8", "O9", "O10"),
    }
)
