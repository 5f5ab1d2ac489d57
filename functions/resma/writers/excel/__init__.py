"""What Excel can hold and how it reads text, for XLSX and for CSV made for Excel."""
