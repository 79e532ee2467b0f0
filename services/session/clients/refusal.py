"""A peer that is busy or away, as the domain says it."""

from collections.abc import Iterator
from contextlib import contextmanager

from libs.crypto.vault import VaultUnavailable
from services.session.domain.errors import DependencyUnavailable
from wardenry.errors.error import DeadlineExceeded, ResourceExhausted, Unavailable


@contextmanager
def unavailable_as(service: str) -> Iterator[None]:
    """Turns what says "not now" into DependencyUnavailable; other refusals of a peer are defects and go through."""
    try:
        yield
    except (Unavailable, DeadlineExceeded, ResourceExhausted, VaultUnavailable) as error:
        raise DependencyUnavailable(service) from error
