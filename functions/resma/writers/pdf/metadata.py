"""What the file says of itself: information dictionary, XMP, catalogue (§14.3, §7.7.2)."""

from __future__ import annotations

from hashlib import sha256
from xml.sax.saxutils import escape

from resma.header import ReportHeader
from resma.writers.pdf.objects import text_string

PRODUCER = "Resma"


def file_identifier(header: ReportHeader) -> bytes:
    """The trailer's ID (§14.4): the same for every attempt at one report."""
    digest = sha256(f"{header.report_id} {header.as_of.isoformat()}".encode()).hexdigest()[:32]
    return b"/ID[<%b><%b>]" % (digest.encode(), digest.encode())


def information(header: ReportHeader) -> bytes:
    date = b"(D:%b+00'00')" % header.as_of.strftime("%Y%m%d%H%M%S").encode()
    return b"<</Title%b/Author%b/Subject%b/Creator(Resma)/Producer%b/CreationDate%b/ModDate%b>>" % (
        text_string(header.title),
        text_string(header.organisation),
        text_string(f"Report {header.report_id}"),
        text_string(PRODUCER),
        date,
        date,
    )


def xmp(header: ReportHeader) -> bytes:
    """The same as XMP (ISO 16684-1), as a stream object; not deflated, so that any tool can read it."""
    date = header.as_of.strftime("%Y-%m-%dT%H:%M:%SZ")
    title, author = _xml(header.title), _xml(header.organisation)
    packet = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<dc:format>application/pdf</dc:format><dc:identifier>{_xml(header.report_id)}</dc:identifier>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>en-US</rdf:li></rdf:Bag></dc:language>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<xmp:CreatorTool>Resma</xmp:CreatorTool><pdf:Producer>{PRODUCER}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>""".encode()
    return b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%b\nendstream" % (len(packet), packet)


def _xml(text: str) -> str:
    """Text for XML 1.0, without the characters that it cannot hold."""
    return escape("".join([c if c.isprintable() else " " for c in text]))


def catalogue(pages: int, outlines: int, metadata: int) -> bytes:
    return (
        b"<</Type/Catalog/Pages %d 0 R/Outlines %d 0 R/PageMode/UseOutlines/Metadata %d 0 R/Lang(en-US)"
        b"/ViewerPreferences<</DisplayDocTitle true>>/PageLabels<</Nums[0<</S/D>>]>>>>" % (pages, outlines, metadata)
    )
