"""E-mail addresses: one form to compare and to mail to, the same in every service."""

from wardenry.errors.error import Violation


class AddressInvalid(Exception):
    """The text is no e-mail address."""

    def __init__(self, problem: str) -> None:
        """`problem` is in words for the person."""
        super().__init__("no e-mail address")
        self.violations = (Violation("address", problem),)


def normalised(typed: str) -> str:
    """The address in the form that is compared, stored and mailed to: lower case, NFC, the domain in Unicode.

    Nothing else is folded: no compatibility forms (RFC 8265 section 3.3 warns of them), no dots or plus signs. So a
    look-alike is another address, and what is looked up is exactly what is mailed to.
    Raises AddressInvalid for text that is no single address of a public mail domain.
    """
    # Its tables would take a twentieth of the time that a service needs to start.
    from email_validator import EmailNotValidError, validate_email

    try:
        validated = validate_email(typed, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as error:
        raise AddressInvalid(str(error)) from None
    return validated.normalized.lower()
