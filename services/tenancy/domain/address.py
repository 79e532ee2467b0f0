"""E-mail addresses, in the one form that they are compared in and mailed to: identity's."""

from email_validator import EmailNotValidError, validate_email

from services.tenancy.domain.errors import AddressInvalid


def normalised(typed: str) -> str:
    """The address in lower case and NFC, its domain in Unicode. Nothing else is folded, so a look-alike is another
    address. Raises AddressInvalid for text that is no single address of a public mail domain.
    """
    try:
        validated = validate_email(typed, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError:
        raise AddressInvalid from None
    return validated.normalized.lower()
