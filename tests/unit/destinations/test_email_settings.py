"""Settings of destinations by e-mail: recipients, their domains, attachments; and local mail servers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.errors import StackError
from infra.local.stack import smtp_parameters
from resma.destinations.email_settings import EmailSettings
from resma.destinations.settings import DestinationRules


def settings(*recipients: str, **changes: Any) -> EmailSettings:
    return EmailSettings.model_validate({"recipients": list(recipients) or ["ana@example.com"], **changes})


def pointers(given: EmailSettings, **rules: Any) -> list[str]:
    known = {"sends_email": True, "email_domains": frozenset({"example.com"}), **rules}
    return [error.pointer for error in given.errors(DestinationRules("prod", "reports", **known))]


def test_domains_are_in_lower_case_and_ascii() -> None:
    assert settings("Ana@EXAMPLE.com", "ben@bücher.example").recipients == [
        "Ana@example.com",
        "ben@xn--bcher-kva.example",
    ]
    assert settings("ana@bank.local").recipients == ["ana@bank.local"]


@pytest.mark.parametrize(
    "address",
    [
        *("ana", "ana@", "@example.com", "ana@localhost", "ana@example..com", "ana@[127.0.0.1]", "a b@example.com"),
        *("ana@example.com\r\nBcc: eve@example.com", "Ana <ana@example.com>", "ana@example.com,ben@example.com"),
        *("á@example.com", '"ana eve"@example.com', "a" * 65 + "@example.com"),
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        settings(address)


def test_all_wrong_addresses_are_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        settings("x", "y y@example.com", "ana@example.com", "ana@Example.com")
    message = str(caught.value)
    assert all(part in message for part in ("'x'", "'y y@example.com'", "once: ana@example.com"))


def test_a_domain_does_not_include_its_subdomains() -> None:
    assert pointers(settings("a@example.com", "a@sub.example.com", "a@notexample.com")) == [
        "/recipients/1",
        "/recipients/2",
    ]


def test_attachments_need_a_size() -> None:
    assert pointers(settings(attach=True)) == ["/attach"]
    assert pointers(settings(attach=True), email_attachment_bytes=1) == []
    assert pointers(settings(), sends_email=False) == [""]


@pytest.mark.parametrize("name", ["{type}/{file}", "{file}.pdf", "../{file}", "{account}-{file}", "x\r\n{file}"])
def test_names_of_attachments_are_in_no_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        settings(fileName=name)


def test_a_local_mail_server_has_no_login() -> None:
    assert smtp_parameters("smtp://localhost:1025")["EmailSmtpPort"] == "1025"
    for url in ("localhost:1025", "smtps://localhost", "smtp://", "smtp://a:b@localhost", "smtp://localhost:x"):
        with pytest.raises(StackError, match="smtp://localhost:1025"):
            smtp_parameters(url)
