"""`resma verify`: a folder of files against their manifest, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.amounts import count
from resma_cli.api_client import Json
from resma_cli.completion import complete_format
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.files import MANIFEST_FILES
from resma_cli.output import clean
from resma_cli.progress import show_files
from resma_cli.rendering import describe_totals
from resma_cli.shared_options import OutputOptions, examples, with_groups
from resma_cli.split_reports.verify import Verification, read_manifest, verify_files

app = typer.Typer()


@app.command("verify", epilog=examples("resma verify statements", "resma verify manifest.json statements -f PDF"))
@with_groups
def verify(
    output_options: OutputOptions,
    manifest_path: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST",
            help="The manifest of a split report, or its folder. `manifest.ndjson.gz` must be beside it.",
        ),
    ],
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of the files. Default: that of the manifest.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            autocompletion=complete_format,
            help="Verify only files of this format. Repeat the option for several. Default: all.",
        ),
    ] = None,
) -> None:
    """Verify the files of a split report against its manifest: all there, unchanged, and rows and totals add up."""
    output = output_options.output
    folder = folder or (manifest_path if manifest_path.is_dir() else manifest_path.parent)
    manifest_path = manifest_path / MANIFEST_FILES["manifest"] if manifest_path.is_dir() else manifest_path
    manifest = read_manifest(manifest_path)
    if not folder.is_dir():
        raise CommandFailedError(ExitCode.NOT_FOUND, f"{folder} is not a folder.")
    only = {name.upper() for name in formats or ()}
    if unknown := only - set(manifest["formats"]):
        detail = f"The manifest does not have {', '.join(sorted(unknown))}. It has {', '.join(manifest['formats'])}."
        raise CommandFailedError(ExitCode.USAGE, detail)
    with show_files(output, manifest["files"]) as show:
        found = verify_files(manifest_path, manifest, folder, only, show)
    for warning in found.warnings:
        output.print_message(f"warning: {warning}")
    for problem in found.problems:
        output.print_message(problem)
    document = {"manifest": str(manifest_path), "reportId": manifest["reportId"], **vars(found)}
    if found.problems:
        detail = f"{folder} does not match {manifest_path}: {count(len(found.problems), 'problem')}."
        raise CommandFailedError(ExitCode.FAILED, detail, code="verification-failed", more=document)
    output.show(document, lambda console: _draw(console, manifest, found))


def _draw(console: Console, manifest: Json, found: Verification) -> None:
    console.print(
        clean(
            f"{count(found.files, 'file')} of {count(manifest['keys'], 'key')}, {count(manifest['rows'], 'row')},"
            f" {count(found.bytes, 'byte')}: all files exist, and their SHA-256 is that of the list."
        )
    )
    for line in describe_totals(manifest["totals"], manifest.get("totalsOmitted", 0)):
        console.print(clean(line))
    console.print("The files add up to the manifest: their number, their rows and their totals.")
