"""Paths in a checkout. All of its state is in one folder, which git ignores."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".resma"
PROJECT_PYTHON = STATE / "venv" / "bin" / "python"
LOCALSTACK_PYTHON = STATE / "venv-localstack" / "bin" / "python"
REPORTS = STATE / "reports"
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = ROOT / "functions"
