"""Blind indexes of addresses: one for each column."""

from uuid import UUID

from libs.crypto.blind_index import BlindIndex


class BlindAddressIndex:
    def __init__(self, index: BlindIndex) -> None:
        self._index = index

    def tag(self, workspace: UUID, address: str) -> bytes:
        return self._index.tag("invitation.address", workspace, address)

    def member_tag(self, workspace: UUID, address: str) -> bytes:
        return self._index.tag("membership.address", workspace, address)
