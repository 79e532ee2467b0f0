"""Compression, which none of ours uses and which somebody who can write to a topic might."""

import aiokafka.codec

_CODECS = ("gzip", "snappy", "lz4", "zstd")


def refuse_compression() -> None:
    """Makes aiokafka know no compression: what is compressed is stepped over as unreadable. A megabyte on the topic
    could else become gigabytes in every consumer, before a MAC is looked at. Doing it again changes nothing."""
    for codec in _CODECS:
        setattr(aiokafka.codec, f"has_{codec}", _unknown)


def _unknown() -> bool:
    return False
