"""Where things are. All state of a checkout lies in one folder that git ignores."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".resma"
PROJECT_PYTHON = STATE / "venv" / "bin" / "python"
LOCALSTACK_PYTHON = STATE / "venv-localstack" / "bin" / "python"
REPORTS = STATE / "reports"
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = ROOT / "functions"
