"""Settings of destinations of the kind EMAIL: the recipients of messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from resma.destinations.addresses import ADDRESS_PATTERN, MAX_ADDRESS, domain_of, parse_address
from resma.destinations.paths import MAX_PATTERN, pattern_errors
from resma.destinations.settings import DestinationRules, DestinationSettings
from resma.request_errors import FieldError, json_pointer

MAX_RECIPIENTS = 20

_Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ADDRESS),
    Field(json_schema_extra={"format": "email", "pattern": ADDRESS_PATTERN}),
]


class EmailSettings(DestinationSettings):
    """Recipients, each of whom gets a message of their own, with a link to the report or with its files."""

    model_config = ConfigDict(
        title="EmailDestinationSettings",
        json_schema_extra={"examples": [{"recipients": ["treasury@example.com"], "attach": False}]},
    )

    recipients: list[_Address] = Field(
        min_length=1,
        max_length=MAX_RECIPIENTS,
        description="Addresses that get a message each, in domains that the operator of this deployment has listed "
        "for your tenant.",
    )
    attach: bool = Field(
        default=False,
        strict=True,
        description="Whether files are attached, up to the size that the operator allows. Otherwise, and always for "
        "split reports, the message only has a link to the report, which requires a sign-in.",
    )
    file_name: str = Field(
        default="{file}",
        min_length=6,
        max_length=MAX_PATTERN,
        json_schema_extra={"pattern": r"^([A-Za-z0-9._-]|\{[a-z]+\})+$"},
        description="Pattern of the names of attachments. The placeholders are `{type}`, `{date}`, `{year}`, "
        "`{month}`, `{day}` (the day of the data), `{report}` (its id) and, at the end, `{file}`.",
    )

    @field_validator("recipients")
    @classmethod
    def _are_addresses(cls, value: list[str]) -> list[str]:
        addresses, errors = [], []
        for text in value:
            try:
                addresses.append(parse_address(text))
            except ValueError as error:
                errors.append(str(error))
        repeated = sorted({address for address in addresses if addresses.count(address) > 1})
        if repeated:
            errors.append(f"Name each recipient once: {', '.join(repeated)}.")
        if errors:
            raise ValueError(" ".join(errors))
        return addresses

    @field_validator("file_name")
    @classmethod
    def _is_file_name(cls, value: str) -> str:
        details = [*pattern_errors(value), *(["It must not contain folders."] if "/" in value else [])]
        if details:
            raise ValueError(" ".join(details))
        return value

    def errors(self, rules: DestinationRules) -> Iterator[FieldError]:
        """Yields errors of recipients and attachments that the operator does not allow."""
        if not rules.sends_email:
            yield FieldError("", "This deployment does not send e-mail. Ask its operator to set EmailTransport.")
            return
        for index, address in enumerate(self.recipients):
            if domain_of(address) not in rules.email_domains:
                allowed = ", ".join(sorted(rules.email_domains)) or "none"
                yield FieldError(
                    json_pointer("recipients", index),
                    f"Your tenant may not send e-mail to the domain '{domain_of(address)}', only to these: {allowed}. "
                    "Ask the operator to add it.",
                )
        if self.attach and not rules.email_attachment_bytes:
            yield FieldError("/attach", "Your tenant may not attach files. Ask the operator to allow a size.")

    @property
    def name_pattern(self) -> str:
        """Pattern of the names of attachments."""
        return self.file_name

    @property
    def url(self) -> str:
        """All recipients as one URL (RFC 6068)."""
        return f"mailto:{','.join(quote(address, safe='@') for address in self.recipients)}"
