"""Addresses of e-mail and their domains, in the form in which they are stored and compared."""

from __future__ import annotations

MAX_ADDRESS = 254
"""Maximum length of an address, in characters (RFC 5321, section 4.5.3.1.3, without the angle brackets)."""
ADDRESS_PATTERN = r"^[!-?A-~]+@[!-?A-~]+$"
"""Pattern of all addresses that `parse_address` returns: ASCII without spaces, and one @. It matches others too."""


def parse_address(text: str) -> str:
    """Returns an address with its domain in ASCII and lower case. Raises ValueError, which says what is wrong.

    The part before the @ keeps its case, because only its server knows whether it matters.
    """
    # Only functions that check addresses need the package.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    _allow_private_domains()
    try:
        address = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True).ascii_email
    except EmailNotValidError as error:
        raise ValueError(f"'{text[:100]}' is not a valid address of e-mail. {error}") from None
    assert address is not None  # without SMTPUTF8 an address always has this form
    return address


def parse_domain(text: str) -> str:
    """Returns a domain in ASCII and lower case. Raises ValueError if no address can have it."""
    try:
        return domain_of(parse_address(f"postmaster@{text}"))
    except ValueError:
        raise ValueError(f"'{text[:100]}' is not a domain. Use a form such as example.com.") from None


def domain_of(address: str) -> str:
    """Returns the domain of an address that `parse_address` has returned."""
    return address.rpartition("@")[2]


def _allow_private_domains() -> None:
    """Allows domains such as bank.local, which mail servers in private networks have.

    The operator lists the domains of recipients, so that the package's own list has no use.
    """
    import email_validator  # noqa: PLC0415

    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
