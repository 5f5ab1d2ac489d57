"""Objects lie in the stack's own folder; LocalStack puts those of all stacks and users into one folder of /tmp."""

from __future__ import annotations

import os
from pathlib import Path


def apply() -> None:
    """Sets the folder before the provider is made."""
    from localstack.services.s3 import provider

    provider.DEFAULT_S3_TMP_DIR = str(Path(os.environ["RESMA_STATE"]) / "localstack" / "objects")
