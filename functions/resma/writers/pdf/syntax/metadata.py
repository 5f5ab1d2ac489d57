"""Metadata of the file: information dictionary, XMP, output intent, document catalog (§14.3, §14.11.5, §7.7.2).

The XMP packet claims PDF/A-2b (ISO 19005-2), and agrees with the information dictionary (6.6.2, 6.6.3). A file that is
encrypted does not claim it, because PDF/A allows no encryption (6.1.3).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from xml.sax.saxutils import escape

from PIL import ImageCms

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.writers.pdf.syntax.objects import stream, text_string
from resma.writers.pdf.syntax.reserved_numbers import INTENT, METADATA, OUTLINES, PAGES

PRODUCER = "Resma"

_PDF_A = "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>\n"
_EXTENSIONS = b"/Extensions<</ADBE<</BaseVersion/1.7/ExtensionLevel 8>>>>"
"""Declares the encryption of ISO 32000-2 in a file of version 1.7 (ISO 32000-1 §7.12), as Acrobat X and qpdf do."""


def file_identifier(header: ReportHeader) -> bytes:
    """Returns the trailer's ID (§14.4), which is the same for every attempt at one report."""
    digest = sha256(f"{header.report_id} {header.as_of.isoformat()}".encode()).hexdigest()[:32]
    return b"/ID[<%b><%b>]" % (digest.encode(), digest.encode())


def information(header: ReportHeader) -> bytes:
    """Returns the information dictionary (§14.3.3)."""
    date = b"(D:%b+00'00')" % header.as_of.strftime("%Y%m%d%H%M%S").encode()
    return b"<</Title%b/Author%b/Subject%b/Creator(%b)/Producer(%b)/CreationDate%b/ModDate%b>>" % (
        text_string(_clean(header.title)),
        text_string(_clean(header.organization)),
        text_string(_subject(header)),
        PRODUCER.encode(),
        PRODUCER.encode(),
        date,
        date,
    )


def xmp(header: ReportHeader) -> bytes:
    """Returns the metadata as XMP (ISO 16684-1) in a stream object, uncompressed, so that any tool can read it."""
    date = header.as_of.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    claim = _PDF_A if header.pdf_key is None else ""
    title, author, subject = (escape(_clean(text)) for text in (header.title, header.organization, _subject(header)))
    packet = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
{claim}<dc:format>application/pdf</dc:format><dc:identifier>{escape(_clean(header.report_id))}</dc:identifier>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>{header.locale.tag}</rdf:li></rdf:Bag></dc:language>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<xmp:CreatorTool>{PRODUCER}</xmp:CreatorTool><pdf:Producer>{PRODUCER}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>""".encode()
    return b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%b\nendstream" % (len(packet), packet)


def _subject(header: ReportHeader) -> str:
    return _clean(f"{translate('Report', header.locale.language)} {header.report_id}")


def _clean(text: str) -> str:
    """Replaces characters that XML 1.0 does not allow."""
    return "".join([c if c.isprintable() else " " for c in text])


def output_intent(add: Callable[[bytes], int]) -> bytes:
    """Returns the output intent (ISO 19005-2 6.2.3), which defines RGB colors as sRGB with an embedded profile."""
    profile = add(stream(b"/N 3", _srgb_profile()))
    return (
        b"<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB IEC61966-2.1)"
        b"/RegistryName(http://www.color.org)/DestOutputProfile %d 0 R>>" % profile
    )


@cache
def _srgb_profile() -> bytes:
    """Returns the sRGB profile of Little CMS (588 bytes), with a constant date, so that files are reproducible."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes((0x07, 0xE8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # ICC.1:2010 7.2.8: 2024-01-01
    profile[84:100] = bytes(16)  # 7.2.18: no profile ID, which would be a checksum
    return bytes(profile)


def catalog(header: ReportHeader) -> bytes:
    """Returns the document catalog (§7.7.2)."""
    return (
        b"<</Type/Catalog/Pages %d 0 R/Outlines %d 0 R/PageMode/UseOutlines/Metadata %d 0 R/OutputIntents[%d 0 R]"
        b"/Lang(%b)/ViewerPreferences<</DisplayDocTitle true>>/PageLabels<</Nums[0<</S/D>>]>>%b>>"
        % (
            PAGES,
            OUTLINES,
            METADATA,
            INTENT,
            header.locale.tag.encode("ascii"),
            b"" if header.pdf_key is None else _EXTENSIONS,
        )
    )
