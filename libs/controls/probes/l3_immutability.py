"""L3: the log is immutable.

Audit tries, under each of its roles, to change what it wrote. The prober checks a part of the platform log with the
public key that the gateway publishes, and then that each of many alterations of it would be found.
"""

import asyncio
import json
from dataclasses import replace

from libs.controls.deployment import Deployment, Unreachable, examine, fetch
from libs.controls.examined import Examined, Finding, together
from libs.controls.log_sample import PLATFORM_LOG, WHERE, judge_sample
from libs.ids import PLATFORM
from wardenry.clock import Clock
from wardenry.log.checkpoint import Checkpoint, CheckpointInvalid, open_checkpoint
from wardenry.log.export import ExportHeader, ExportInvalid, parse_line
from wardenry.log.note import NoteInvalid, VerifierKey

_KEYS = "/.well-known/wardenry-log-keys"
_CHECKPOINT = f"/audit/{PLATFORM}/checkpoint"


async def probe(deployment: Deployment, *, clock: Clock) -> Examined:
    """What audit's roles may do, and what the log's proofs show."""
    audit = await examine(deployment, "audit", "L3")
    seen = Examined(facts=audit.facts, findings=audit.findings, unknown=audit.unknown)
    sample = audit.exhibits.get(PLATFORM_LOG)
    if sample is None:
        silent = not (audit.findings or audit.unknown)
        return replace(seen, unknown=(f"audit shows nothing of {WHERE}",)) if silent else seen
    try:
        # After the sample: what everybody is shown now must continue it.
        published, checkpoint = await fetch(deployment, [_KEYS, _CHECKPOINT])
    except Unreachable as error:
        return together([seen, Examined(unknown=(str(error),))])
    try:
        keys = [VerifierKey.parse(key) for key in json.loads(published)["keys"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        return together([seen, Examined(findings=(Finding(f"{deployment.gateway}{_KEYS}", "publishes no keys"),))])
    # The checks take a second or two of computing; others wait for answers meanwhile.
    judged = await asyncio.to_thread(judge_sample, sample, keys)
    return together([judged, seen, _continued(sample, checkpoint.decode(errors="replace"), keys)])


def _continued(sample: bytes, published: str, keys: list[VerifierKey]) -> Examined:
    """Whether the checkpoint that everybody is shown does not contradict the sample's."""
    where = f"{WHERE}, its published checkpoint"
    try:
        shown = open_checkpoint(published, keys)
    except (NoteInvalid, CheckpointInvalid) as error:
        return Examined(findings=(Finding(where, f"is not to be trusted: {error}"),))
    own = _own_checkpoint(sample, keys)
    if own is None:  # judged already
        return Examined()
    if shown.origin != own.origin:
        return Examined(findings=(Finding(where, "is of another log"),))
    if shown.size < own.size:
        return Examined(findings=(Finding(where, f"has {shown.size} entries, fewer than {own.size} a moment ago"),))
    if shown.size == own.size and shown.root != own.root:
        return Examined(findings=(Finding(where, f"is another one of {own.size} entries"),))
    return Examined(facts=(f"the gateway shows everybody a checkpoint of {shown.size} entries",))


def _own_checkpoint(sample: bytes, keys: list[VerifierKey]) -> Checkpoint | None:
    try:
        header = parse_line(sample[: sample.index(b"\n") + 1])
        return open_checkpoint(header.checkpoint, keys) if isinstance(header, ExportHeader) else None
    except (ExportInvalid, NoteInvalid, CheckpointInvalid, ValueError):
        return None
