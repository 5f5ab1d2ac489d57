"""Messages about reports: plain text and HTML in the language of the report, for mail programs of all kinds.

The HTML has tables and inline styles, which all mail programs show, and no images. Mail programs that support it get
dark colors from the style sheet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from html import escape

from resma.destinations.addresses import domain_of
from resma.i18n.locales import Locale
from resma.i18n.translations import translate

MAX_LISTED_FILES = 20

# Only ASCII is sent, so that no server has to convert the message.
_POLICY = policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class ListedFile:
    """A file that the message names."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Attachment:
    """A file that is part of the message."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class EmailContent:
    """What a message says. None of it is personal data."""

    locale: Locale
    title: str
    """Title of the report type, or of the test."""
    is_test: bool
    facts: Sequence[tuple[str, str]]
    """Pairs of translated label and value."""
    files: Sequence[ListedFile]
    more_files: int
    """Number of files that are not listed."""
    sentences: Sequence[str]
    """English sentences on where the files are, which have translations."""
    link: str
    """URL of the page of the report in the console."""


def message_id_of(delivery_id: str, recipient: str, sender: str, replays: int) -> str:
    """Returns the Message-ID, short enough for one line. `replays` is the number of replays of the delivery so far.

    It is the same in each attempt, so that mail servers can drop a message that was sent twice. After a replay it is
    another one, because they would drop that message, too.
    """
    digest = hashlib.sha256(f"{delivery_id}\n{recipient}\n{replays}".encode()).hexdigest()[:32]
    return f"<{digest}@{domain_of(sender)}>"


def compose_email(
    content: EmailContent, attachments: Sequence[Attachment], *, sender: Address, recipient: str, message_id: str
) -> bytes:
    """Returns a message to one recipient, with CRLF and in ASCII."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = single_line(f"{content.title}: {_words(content, 'Report ready')}")
    message["Date"] = formatdate()
    message["Message-ID"] = message_id
    # Programs that answer automatically do not answer these (RFC 3834; the second one is of Exchange).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_plain(content))
    message.add_alternative(_html(content), subtype="html")
    # The methods that set a content remove all headers of the content that exist.
    message["Content-Language"] = content.locale.tag
    for file in attachments:
        main, _, sub = file.media_type.partition(";")[0].strip().partition("/")
        message.add_attachment(file.content, maintype=main, subtype=sub or "octet-stream", filename=file.name)
    return message.as_bytes()


def single_line(text: str) -> str:
    """Returns a string as one line without control characters, so that it can be a header."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def show_size(size: int, locale: Locale) -> str:
    """Returns a size such as `1,2 MB`, in the format of the locale."""
    if size < 1000:
        return f"{size} B"
    value, unit = (size / 1e6, "MB") if size >= 1e6 else (size / 1e3, "kB")
    return f"{locale.format_number(f'{value:.1f}')} {unit}"


def _words(content: EmailContent, english: str) -> str:
    return translate(english, content.locale.language)


def _sentences(content: EmailContent) -> str:
    return " ".join(_words(content, sentence) for sentence in content.sentences)


def _plain(content: EmailContent) -> str:
    lines = [_words(content, "Report ready"), "", content.title]
    lines += [f"{label}: {value}" for label, value in content.facts]
    lines += ["", _sentences(content)]
    if content.link:
        lines += [f"{_words(content, 'Open report')}: {content.link}"]
    if content.files:
        lines.append("")
    for file in content.files:
        lines += [f"{file.name} ({show_size(file.bytes, content.locale)})", f"  SHA-256: {file.sha256}"]
    if content.more_files:
        lines.append(f"+ {content.more_files}")
    lines += ["", "-- ", _words(content, "This message was sent automatically.")]
    return "\n".join(map(_without_breaks, lines)) + "\n"


def _without_breaks(line: str) -> str:
    return line if line == "-- " else " ".join(line.splitlines())


_STYLE = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #15181d !important; }
  .card { background: #1f242b !important; border-color: #3a424d !important; }
  .text { color: #e8ebef !important; }
  .soft { color: #a9b3bf !important; }
  .line { border-color: #3a424d !important; }
  .button { background: #7db2ff !important; }
  .button a { color: #0b1a2e !important; }
}
"""

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def _html(content: EmailContent) -> str:
    title, ready = escape(content.title), escape(_words(content, "Report ready"))
    rows = "".join(_fact(label, value) for label, value in content.facts)
    files = "".join(_file(file, content.locale) for file in content.files)
    if content.more_files:
        files += _soft_line(f"+ {content.more_files}")
    return f"""<!DOCTYPE html>
<html lang="{escape(content.locale.tag)}" dir="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f2f4f7">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="background:#f2f4f7"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="560" cellpadding="0" cellspacing="0" border="0" \
style="width:100%;max-width:560px;background:#ffffff;border:1px solid #d9dee5;border-radius:8px">
<tr><td class="soft" style="{_FONT};font-size:14px;line-height:20px;color:#5b6673;padding:24px 24px 0">{ready}</td></tr>
<tr><td style="padding:4px 24px 12px"><h1 class="text" style="{_FONT};font-size:22px;line-height:28px;font-weight:600;\
color:#1c2229;margin:0">{title}</h1></td></tr>
<tr><td style="padding:0 24px"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">\
{rows}</table></td></tr>
<tr><td class="text" style="{_FONT};font-size:15px;line-height:22px;color:#1c2229;padding:16px 24px 0">\
{escape(_sentences(content))}</td></tr>
{_button(content)}{files}
<tr><td class="soft line" style="{_FONT};font-size:13px;line-height:18px;color:#5b6673;padding:16px 24px 20px">\
{escape(_words(content, "This message was sent automatically."))}</td></tr>
</table></td></tr></table>
</body>
</html>
"""


def _fact(label: str, value: str) -> str:
    return (
        f'<tr><td class="soft" valign="top" style="{_FONT};font-size:14px;line-height:22px;color:#5b6673;'
        f'padding:0 16px 2px 0;white-space:nowrap">{escape(label)}</td><td class="text" width="100%" style="{_FONT};'
        f'font-size:14px;line-height:22px;color:#1c2229;padding:0 0 2px;word-break:break-word">{escape(value)}'
        "</td></tr>"
    )


def _button(content: EmailContent) -> str:
    if not content.link:
        return ""
    return (
        '<tr><td style="padding:16px 24px 4px"><table role="presentation" cellpadding="0" cellspacing="0" border="0">'
        '<tr><td class="button" style="background:#1759b5;border-radius:6px">'
        f'<a href="{escape(content.link)}" style="{_FONT};display:inline-block;font-size:15px;line-height:20px;'
        f'font-weight:600;color:#ffffff;text-decoration:none;padding:11px 20px">'
        f"{escape(_words(content, 'Open report'))}</a></td></tr></table></td></tr>"
    )


def _file(file: ListedFile, locale: Locale) -> str:
    return (
        f'<tr><td style="padding:16px 24px 0"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        f'border="0"><tr><td class="text line" style="{_FONT};font-size:14px;line-height:20px;color:#1c2229;'
        f'border-top:1px solid #d9dee5;padding-top:12px;word-break:break-all">{escape(file.name)} '
        f'<span class="soft" style="color:#5b6673;white-space:nowrap">({escape(show_size(file.bytes, locale))})</span>'
        f'</td></tr><tr><td class="soft" style="font-family:Consolas,Menlo,monospace;font-size:11px;line-height:18px;'
        f'color:#5b6673;word-break:break-all">SHA-256: {file.sha256}</td></tr></table></td></tr>'
    )


def _soft_line(text: str) -> str:
    style = f"{_FONT};font-size:14px;color:#5b6673;padding:8px 24px 0"
    return f'<tr><td class="soft" style="{style}">{escape(text)}</td></tr>'
