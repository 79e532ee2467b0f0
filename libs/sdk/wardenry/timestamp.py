"""Moments as messages carry them."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp_of(moment: datetime) -> Timestamp:
    """The message of a moment with a time zone."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
