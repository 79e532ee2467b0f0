"""Examinations as the contract writes them."""

from libs.controls.examined import Examined, Finding
from wardenry.controls.v1 import control_pb2


def message_of(examined: Examined) -> control_pb2.ExamineResponse:
    """What a service answers."""
    return control_pb2.ExamineResponse(
        facts=examined.facts,
        findings=[control_pb2.Finding(where=finding.where, what=finding.what) for finding in examined.findings],
        unknown=examined.unknown,
        figures=dict(examined.figures),
        exhibits=dict(examined.exhibits),
    )


def examined_of(message: control_pb2.ExamineResponse) -> Examined:
    """What a service answered."""
    return Examined(
        facts=tuple(message.facts),
        findings=tuple(Finding(finding.where, finding.what) for finding in message.findings),
        unknown=tuple(message.unknown),
        figures=dict(message.figures),
        exhibits=dict(message.exhibits),
    )
