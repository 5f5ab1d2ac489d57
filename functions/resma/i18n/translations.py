"""Translations of the words that all reports share: on the PDF's cover, in its footer, on the spreadsheet's summary.

The keys are the English words. Titles and headings of a report type are translated in its `report.toml`.
"""

from __future__ import annotations

from resma.i18n.locales import Language

_WORDS: dict[str, tuple[str, str]] = {
    # English: Portuguese, German
    "All": ("Todas", "Alle"),
    "Amount": ("Valor", "Betrag"),
    "As of": ("Posição em", "Stand"),
    "Chart data": ("Dados dos gráficos", "Diagrammdaten"),
    "Closing balance": ("Saldo final", "Endsaldo"),
    "Contents": ("Índice", "Inhalt"),
    "Currencies": ("Moedas", "Währungen"),
    "Currency": ("Moeda", "Währung"),
    "Filters": ("Filtros", "Filter"),
    "No": ("Não", "Nein"),
    "No data": ("Sem dados", "Keine Daten"),
    "No rows match.": ("Nenhuma linha corresponde.", "Keine Zeilen gefunden."),
    "Opening balance": ("Saldo inicial", "Anfangssaldo"),
    "Other": ("Outros", "Andere"),
    "Page": ("Página", "Seite"),
    "Period": ("Período", "Zeitraum"),
    "Reconciliation": ("Conciliação", "Abstimmung"),
    "Report": ("Relatório", "Bericht"),
    "Report id": ("Id do relatório", "Berichts-ID"),
    "Rows": ("Linhas", "Zeilen"),
    "Selection": ("Seleção", "Auswahl"),
    "Subtotal": ("Subtotal", "Zwischensumme"),
    "Summary": ("Resumo", "Übersicht"),
    "Table": ("Tabela", "Tabelle"),
    "Time zone": ("Fuso horário", "Zeitzone"),
    "Totals by currency": ("Totais por moeda", "Summen nach Währung"),
    "Without date": ("Sem data", "Ohne Datum"),
    "Yes": ("Sim", "Ja"),
    "day": ("dia", "Tag"),
    "days": ("dias", "Tage"),
    "month": ("mês", "Monat"),
    "months": ("meses", "Monate"),
    "none": ("nenhum", "keine"),
    "of": ("de", "von"),
    "page": ("página", "Seite"),
    "pages": ("páginas", "Seiten"),
    "Selection and totals in full": ("Seleção e totais completos", "Auswahl und Summen vollständig"),
    "row": ("linha", "Zeile"),
    "rows": ("linhas", "Zeilen"),
    "to": ("a", "bis"),
    "year": ("ano", "Jahr"),
    "years": ("anos", "Jahre"),
}


def translate(word: str, language: Language) -> str:
    """Returns the translation of an English word. Raises KeyError if the word has no translation."""
    pt, de = _WORDS[word]
    return {"en": word, "pt": pt, "de": de}[language]
