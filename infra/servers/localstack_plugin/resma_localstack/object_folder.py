"""Stores S3 objects in the stack's own folder. LocalStack uses one folder in /tmp for all stacks and users."""

from __future__ import annotations

import os
from pathlib import Path


def apply() -> None:
    """Sets the folder before the provider is created."""
    from localstack.services.s3 import provider

    provider.DEFAULT_S3_TMP_DIR = str(Path(os.environ["RESMA_STATE"]) / "localstack" / "objects")
