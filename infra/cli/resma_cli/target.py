"""Where a report's files go: a file, a folder, or standard output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resma_cli.exit_codes import CommandFailedError, ExitCode


@dataclass(frozen=True)
class Target:
    """Where files go: a file, a folder (also one that does not exist, with `/` at its end), or `-` for standard output.

    None is the current folder, under the names that the server gives.
    """

    said: str | None
    overwrite: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether it is standard output, a pipe or a device: what is written there can't be taken back."""
        if self.said in {None, "-", "/dev/stdout"}:
            return self.said is not None
        path = Path(self.said or "")
        return path.exists() and not path.is_file() and not path.is_dir()

    @property
    def is_stdout(self) -> bool:
        """Whether it is standard output, where nothing else may be written then."""
        return self.said in {"-", "/dev/stdout"}

    @property
    def folder(self) -> Path | None:
        """The folder that files go into under the names that the server gives; None where the path is a file's."""
        if self.said is None:
            return Path()
        path = Path(self.said)
        return path if path.is_dir() or (self.said.endswith("/") and not self.is_stream) else None

    def check(self, files: int) -> None:
        """Raises CommandFailedError for what can be seen to fail before a request is sent."""
        path, folder = Path(self.said or "."), self.folder
        if files > 1 and folder is None:
            what = "can't be written to one stream" if self.is_stream else f"need a folder: add a slash, `{path}/`"
            raise CommandFailedError(ExitCode.USAGE, f"{files} files {what}.")
        if self.is_stream:
            return
        if folder is not None:
            nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
            if not nearest.is_dir():
                raise CommandFailedError(ExitCode.USAGE, f"{nearest} is not a folder. Choose another path.")
            return
        if not path.parent.is_dir():
            detail = f"There is no folder {path.parent}. Create it, or choose another path."
            raise CommandFailedError(ExitCode.USAGE, detail)
        self.require_free(path)

    def place(self, named: str) -> Path:
        """The file's path, given the name that its server gives it. A folder that does not exist is created."""
        if (folder := self.folder) is None:
            return Path(self.said or "")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / named

    def require_free(self, path: Path) -> None:
        """Raises CommandFailedError where a file exists and must stay."""
        if path.exists() and not self.overwrite:
            raise CommandFailedError(
                ExitCode.USAGE, f"{path} exists already. Choose another path, or use `--overwrite`."
            )
