"""PDF files with a password: AES-256 of revision 6 (ISO 32000-2 §7.6), read by four readers that share no code."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from pypdf import PdfReader
from pypdf.errors import FileNotDecryptedError

from resma.encryption import deployment_key
from resma.encryption.deployment_key import DeploymentKey
from resma.encryption.pdf_keys import make_pdf_key
from resma.encryption.sealed_pdf_key import open_pdf_key, seal_password
from resma.errors import KeyUnreadableError, SettingsInvalidError
from resma.report.format_options import FormatOptions, PdfOptions
from resma.report.pdf_password import check_pdf_password
from resma.writers.pdf.syntax.encryption import ObjectCipher
from resma.writers.saved_state import dump_state, load_state
from tests.support.pdf_samples import batch, header, make, pdf, periods, plain
from tests.support.poppler import read_by_poppler

PASSWORD = "correct horse çà 馬"
TITLE = "Movimentação (junho) \\ <1>"
ROWS = plain(400)
PLAIN = header(len(ROWS), periods=periods(ROWS), subtotals=True, title=TITLE)
SEALED = replace(PLAIN, pdf_key=make_pdf_key(PASSWORD))


@pytest.fixture(scope="module")
def plain_file() -> bytes:
    return pdf(PLAIN, ROWS)


@pytest.fixture(scope="module")
def sealed_file() -> bytes:
    return pdf(SEALED, ROWS)


def test_qpdf_finds_no_error_and_the_strongest_encryption(sealed_file: bytes) -> None:
    with pikepdf.open(BytesIO(sealed_file), password=PASSWORD) as file:
        assert file.check_pdf_syntax() == []
        methods = {file.encryption.stream_method, file.encryption.string_method, file.encryption.file_method}
        assert (file.encryption.R, file.encryption.V, file.encryption.bits) == (6, 5, 256)
        assert {method.name for method in methods} == {"aesv3"}
        assert all(file.allow)
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(BytesIO(sealed_file), password=PASSWORD[:-1])
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(BytesIO(sealed_file))


def test_pypdf_reads_the_same_text_bookmarks_and_metadata(plain_file: bytes, sealed_file: bytes) -> None:
    expected = PdfReader(BytesIO(plain_file))
    got: Any = PdfReader(BytesIO(sealed_file))
    with pytest.raises(FileNotDecryptedError):
        len(got.pages)
    assert not got.decrypt("another password")
    assert got.decrypt(PASSWORD)
    assert [page.extract_text() for page in got.pages] == [page.extract_text() for page in expected.pages]
    assert got.metadata == expected.metadata
    assert got.metadata is not None
    assert got.metadata.title == TITLE
    assert _titles(got.outline) == _titles(expected.outline)
    assert got.trailer["/Root"]["/Lang"] == "en-GB"


def _titles(outline: Any) -> list[Any]:
    return [_titles(entry) if isinstance(entry, list) else entry.title for entry in outline]


def test_pdfium_draws_the_same_pages(plain_file: bytes, sealed_file: bytes) -> None:
    expected, got = pdfium.PdfDocument(plain_file), pdfium.PdfDocument(sealed_file, password=PASSWORD)
    assert len(got) == len(expected)
    for number in range(len(got)):
        pictures = [document[number].render(scale=0.3).to_numpy().tobytes() for document in (got, expected)]
        assert pictures[0] == pictures[1]
    with pytest.raises(pdfium.PdfiumError, match="password"):
        pdfium.PdfDocument(sealed_file, password="another password")


def test_poppler_reads_the_same_text(plain_file: bytes, sealed_file: bytes) -> None:
    assert read_by_poppler(sealed_file, "-upw", PASSWORD) == read_by_poppler(plain_file)


def test_nothing_of_the_content_is_readable(plain_file: bytes, sealed_file: bytes) -> None:
    assert b"pdfaid" in plain_file
    for text in (b"pdfaid", b"Nordbank", b"(en-GB)", b"Summary", b"sRGB IEC", b"<rdf:RDF", b"xpacket"):
        assert text in plain_file
        assert text not in sealed_file
    streams = list(re.finditer(rb"/Length (\d+)[^>]*>>stream\n", sealed_file))
    assert len(streams) >= 20
    for found in streams:
        with pytest.raises(zlib.error):
            zlib.decompress(sealed_file[found.end() : found.end() + int(found[1])])


def test_an_encrypted_file_does_not_claim_to_be_pdf_a(sealed_file: bytes) -> None:
    with pikepdf.open(BytesIO(sealed_file), password=PASSWORD) as file, file.open_metadata() as metadata:
        assert not metadata.pdfa_status
        assert metadata["dc:title"] == TITLE


def test_a_continued_file_has_the_same_bytes_and_its_state_has_no_key(sealed_file: bytes) -> None:
    key = SEALED.pdf_key
    assert key is not None
    writer = make(SEALED)
    parts = [writer.begin()]
    for at in range(0, len(ROWS), 70):
        parts.append(writer.add(batch(ROWS[at : at + 70])))
        saved = dump_state(writer.state)
        assert key.file_key not in saved
        writer = make(SEALED)
        writer.state = load_state(saved, writer.state)
    assert b"".join([*parts, writer.end()]) == sealed_file


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 49), st.text(st.characters(codec="utf-8"), max_size=40))
def test_files_of_every_length_are_read_back(count: int, title: str) -> None:
    rows = ROWS[:count]
    whole = header(count, title=title or "x", pdf_key=SEALED.pdf_key)
    got = PdfReader(BytesIO(pdf(whole, rows)), password=PASSWORD)
    expected = PdfReader(BytesIO(pdf(replace(whole, pdf_key=None), rows)))
    assert [page.extract_text() for page in got.pages] == [page.extract_text() for page in expected.pages]
    assert got.metadata == expected.metadata


@given(st.binary(max_size=100), st.integers(1, 2**40))
def test_data_of_every_length_are_padded_to_whole_blocks(data: bytes, number: int) -> None:
    key = SEALED.pdf_key
    assert key is not None
    encrypted = ObjectCipher(key, b"file").encrypt_data(number, data)
    assert len(encrypted) == 16 + len(data) // 16 * 16 + 16
    assert encrypted[:16] != ObjectCipher(key, b"other").encrypt_data(number, data)[:16]
    assert encrypted[:16] != ObjectCipher(key, b"file").encrypt_data(number + 1, data)[:16]
    if len(data) >= 4:
        assert data not in encrypted


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.text(st.sampled_from("aZ9 -~çß馬я"), min_size=8, max_size=127))
def test_every_accepted_password_opens_the_file(password: str) -> None:
    try:
        check_pdf_password(password)
    except ValueError:
        assert len(password.encode()) > 127
        return
    data = pdf(header(1, pdf_key=make_pdf_key(password)), ROWS[:1])
    with pikepdf.open(BytesIO(data), password=password.encode()) as file:
        assert len(file.pages) == 2
    assert PdfReader(BytesIO(data)).decrypt(password)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 8 characters"),
        ("é" * 64, "at most 127 bytes"),
        ("tab\tstop 1", "control characters"),
        ("no-break\u00a0space", "spaces other than"),
        ("grinning \U0001f600", "emoji"),
        ("decomposed e\u0301", "NFKC"),
        ("ligature \ufb01", "NFKC"),
        ("soft\u00adhyphen", "NFKC"),
        ("lone \ud800 surrogate", "control characters"),
        ("mixed אבגד", "different directions"),
        ("e\u0301\n", "at least 8 characters. Remove control characters"),
    ],
)
def test_passwords_that_readers_may_understand_differently_are_refused(password: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        check_pdf_password(password)
    assert password.strip() not in str(caught.value)


@pytest.mark.parametrize("password", ["12345678", "p" * 127, "senha não óbvia", "пароль-2024", "אבגדהוזח"])
def test_other_passwords_are_accepted(password: str) -> None:
    assert check_pdf_password(password) == password


def test_a_password_is_not_in_the_options_that_are_stored_or_printed() -> None:
    options = FormatOptions.model_validate({"pdf": {"password": PASSWORD}})
    assert "password" not in options.as_json()["pdf"]
    assert PASSWORD not in repr(options)
    assert PASSWORD not in options.model_dump_json()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    value: dict[str, Any] = {"key": "k" * 64}
    monkeypatch.setattr(deployment_key, "read_secret", lambda _: value)
    return value


def test_a_sealed_key_is_opened_for_its_tenant_only(secret: dict[str, Any]) -> None:
    options = PdfOptions(password=SecretStr(PASSWORD))
    stored = seal_password(DeploymentKey("arn"), "acme", options)
    assert stored is not None
    key = open_pdf_key(DeploymentKey("arn"), "acme", stored)
    assert key is not None
    assert key.file_key not in b64decode(stored["file_key"])
    data = pdf(header(1, pdf_key=key), ROWS[:1])
    assert PdfReader(BytesIO(data)).decrypt(PASSWORD)
    with pytest.raises(KeyUnreadableError, match="Request the report again"):
        open_pdf_key(DeploymentKey("arn"), "other", stored)
    again = seal_password(DeploymentKey("arn"), "acme", options)
    assert again is not None
    assert again["fingerprint"] == stored["fingerprint"]
    assert {name for name in stored if again[name] == stored[name]} == {"fingerprint"}
    secret["key"] = "n" * 64
    with pytest.raises(KeyUnreadableError):
        open_pdf_key(DeploymentKey("arn"), "acme", stored)


def test_a_secret_without_a_key_is_a_setting_that_is_not_valid(secret: dict[str, Any]) -> None:
    secret["key"] = "short"
    with pytest.raises(SettingsInvalidError, match="at least 32 random characters"):
        DeploymentKey("arn").seal("acme", b"key")
