"""Every probe there is. A new one is a file beside these and a line here; docs/controls.md shows how."""

from collections.abc import Mapping

from libs.controls.probes import e1_transport, l3_immutability, s1_access_tokens, t2_row_security, t4_coverage
from libs.controls.probes.probe import Probe

PROBES: Mapping[str, Probe] = {
    "T2": t2_row_security.probe,
    "T4": t4_coverage.probe,
    "S1": s1_access_tokens.probe,
    "E1": e1_transport.probe,
    "L3": l3_immutability.probe,
}
