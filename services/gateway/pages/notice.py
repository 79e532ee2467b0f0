"""Notices: what a page says once, after something was done.

A notice travels in a cookie of ours for one minute, as a word of this list and at most one identifier; the next page
turns it into text. So no URL brings a text onto a page, and nothing about a person is kept in the browser.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_FORM = re.compile(r"([a-z-]{1,40})(?:\.([0-9a-f-]{36}))?")


@dataclass(frozen=True, slots=True)
class Said:
    """A text for people. The name in it, empty for none, is of others' choosing and may run from right to left."""

    before: str
    name: str = ""
    after: str = ""
    #: Whether it is good news: something was done that was asked for.
    good: bool = True
    #: The notice's word, for the page's script.
    word: str = ""


class Notice(Enum):
    """What there is to say: its word, the text that names somebody or something, and the text that cannot."""

    SIGN_IN_FIRST = "sign-in-first", "", "Sign in first."
    SESSION_ENDED = "session-ended", "", "Your session has ended. Sign in again."
    SIGNED_OUT = "signed-out", "", "You are signed out."
    ENDED = "ended", "", "The session has ended."
    OTHERS_ENDED = "others-ended", "", "All other sessions have ended."
    PASSWORD_CHANGED = "password-changed", "", "Your password is changed, and every other session has ended."
    WORKSPACE_CREATED = "workspace-created", "", "The workspace is created. You are its owner."
    RENAMED = "renamed", "", "The workspace has its new name."
    JOINED = "joined", "You have joined {}. Open it below.", "You have joined. Open the workspace below."
    DECLINED = "declined", "", "You have declined the invitation. Its link no longer works."
    LEFT = "left", "", "You have left the workspace."
    INVITED = "invited", "Invitation sent to {}.", "Invitation sent."
    INVITED_AGAIN = "invited-again", "Invitation sent to {} again. The earlier one no longer works.", "Invitation sent."
    REVOKED = "revoked", "", "The invitation is revoked: its link no longer works."
    ROLE_CHANGED = "role-changed", "The role of {} is changed.", "The role is changed."
    REMOVED = "removed", "", "The member is removed, and can no longer open the workspace."

    def __init__(self, word: str, naming: str, plain: str) -> None:
        self.word = word
        self._naming = naming
        self._plain = plain

    def cookie(self, about: str = "") -> str:
        """As it is kept until the next page; `about` is the UUID of what it names."""
        return f"{self.word}.{about}" if about else self.word

    def said(self, name: str) -> Said:
        """In words; with the `name` of what it is about, where the page knows it."""
        if not name or not self._naming:
            good = self not in (Notice.SIGN_IN_FIRST, Notice.SESSION_ENDED)
            return Said(self._plain, good=good, word=self.word)
        before, _, after = self._naming.partition("{}")
        return Said(before, name, after, word=self.word)


_BY_WORD: Mapping[str, Notice] = {notice.word: notice for notice in Notice}


def said_of(cookie: str, named: Mapping[str, str]) -> Said | None:
    """What a notice's cookie says; None for anything that is none. `named` are names by identifier."""
    found = _FORM.fullmatch(cookie)
    notice = _BY_WORD.get(found.group(1)) if found else None
    return notice.said(named.get(found.group(2) or "", "")) if found and notice else None
