"""What people type: what each field is called, and the rule that is said beside it, before and after it is broken."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.gateway.edge.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a form."""

    label: str
    #: A sentence for people. Empty where the label says enough.
    rule: str = ""
    kind: str = "text"
    autocomplete: str = ""
    #: Further attributes of the input, so that a browser knows the rule too. Nothing here cuts off what is typed.
    attributes: Mapping[str, str] = field(default_factory=dict)


_PLAIN = {"autocapitalize": "none", "spellcheck": "false"}

#: By their names in forms, which are the names in the contracts.
FIELDS: Mapping[str, Field] = {
    "address": Field(label="E-mail address", kind="email", autocomplete="email"),
    "code": Field(
        label="Code",
        rule="Eight digits, as they stand in the mail.",
        autocomplete="one-time-code",
        attributes={"inputmode": "numeric", "pattern": r"\s*(\d[\s\-]*){8}"},
    ),
    "current_password": Field(label="Present password", kind="password", autocomplete="current-password"),
    "display_name": Field(
        label="Name",
        rule="What others call you: 1 to 128 characters.",
        autocomplete="name",
        attributes={"pattern": ".{1,128}", "dir": "auto"},
    ),
    "name": Field(
        label="Name",
        rule="1 to 100 characters.",
        autocomplete="off",
        attributes={"pattern": ".{1,100}", "dir": "auto"},
    ),
    "new_password": Field(
        label="New password",
        rule="At least 12 characters. A few unrelated words do well.",
        kind="password",
        autocomplete="new-password",
        attributes={"minlength": "12"},
    ),
    "password": Field(label="Password", kind="password", autocomplete="current-password"),
    "slug": Field(
        label="Short name",
        rule="3 to 40 small letters from a to z, digits or hyphens; no hyphen at either end. It stands in addresses.",
        autocomplete="off",
        attributes={"pattern": r"[a-z0-9][a-z0-9\-]{1,38}[a-z0-9]", **_PLAIN},
    ),
}
#: Refusals that name no field, and are about one where the form has it: its name in forms.
_ABOUT: Mapping[str, tuple[str, ...]] = {
    "ALREADY_EXISTS": ("slug",),
    "CODE_INVALID": ("code",),
    "MEMBER_ALREADY": ("address",),
    "PASSWORD_WEAK": ("new_password", "password"),
}


def errors_of(problem: Problem | None, typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with each field of the form that was refused: the rule that it broke, in words for people."""
    if problem is None:
        return {}
    if problem.violations:
        return {violation.field: _broken(violation.field, violation.description) for violation in problem.violations}
    if problem.reason == "CREDENTIALS_INVALID" and "address" not in typed:
        # Who is signed in gave a password alone.
        return {name: "This password is wrong." for name in ("password", "current_password") if name in typed}
    text = " ".join(filter(None, (problem.detail, problem.metadata.get("feedback"))))
    return {name: text for name in _ABOUT.get(problem.reason, ()) if name in typed}


def _broken(name: str, description: str) -> str:
    rule = FIELDS[name].rule if name in FIELDS else ""
    return rule or description[:1].upper() + description[1:]
