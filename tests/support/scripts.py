"""Samples of text in many scripts."""

from __future__ import annotations

TEXTS = {
    "Russian": "Оплата по счёту № 42",
    "Greek": "Πληρωμή λογαριασμού (Ωμέγα)",
    "Polish": "Zażółć gęślą jaźń",
    "Vietnamese": "Thanh toán hoá đơn điện tử",
    "Chinese": "支付发票 INV-2024 款项",
    "traditional Chinese": "國際匯款 123",
    "Japanese": "請求書のお支払い カタカナ",
    "Korean": "송금 계좌 번호 77",
    "Hebrew": "תשלום חשבון",
    "Arabic": "السلام عليكم",
    "Arabic with a ligature at the end": "فاتورة إلى",
    "Persian": "می\u200cخواهم",
    "Chinese beyond the plane": "𠮷野家",
    "characters of one glyph": "一⼀ 金⾦",
    "Hindi": "अंतर्राष्ट्रीय हिन्दी क्षेत्र",
    "Bengali": "বাংলাদেশ",
    "Odia": "ଓଡ଼ିଆ ରାଜ୍ୟ",
    "Sinhala": "ශ්‍රී ලංකාව",
    "Tamil": "தமிழ்நாடு டுக்கல்",
    "Telugu": "తెలుగు శ్రీకాకుళం",
    "Gujarati": "ગુજરાતી ક્ષેત્ર",
    "Punjabi": "ਪੰਜਾਬੀ ਗੁਰਮੁਖੀ",
    "Kannada": "ಕರ್ನಾಟಕ ಶ್ರೀ",
    "Malayalam": "മലയാളം കേരളം",
    "Thai": "ประเทศไทย การชำระเงิน",
    "Lao": "ປະເທດລາວ",
    "Khmer": "ភាសាខ្មែរ",
    "Burmese": "မြန်မာနိုင်ငံ",
    "Georgian": "საქართველო",
    "Armenian": "Հայաստան",
    "Amharic": "ኢትዮጵያ",
    "symbols": "paid ☑ by ✈ today",
    "emoji": "😀 🇩🇪🇵🇹 👍🏽 ❤️",
}


MIXED = {"Arabic and a number": "مرحبا بالعالم 123", "Hebrew and a number": "תשלום חשבון מספר 42.50"}
"""Text from right to left with parts from left to right.

pypdf supports one direction per line, and poppler guesses the main direction of a page from its letters (a word of
English here would be read first).
"""
