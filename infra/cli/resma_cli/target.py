"""The target of a report's files: a file, a folder, or standard output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resma_cli.exit_codes import CommandFailedError, ExitCode


@dataclass(frozen=True)
class OutputTarget:
    """The target of files: a file, a folder (which may not exist if it ends with `/`), or `-` for standard output.

    None is the current folder. In folders, files have the names that the server gives.
    """

    path: str | None
    overwrite: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether it is standard output, a pipe or a device, from which bytes can't be removed."""
        if self.path in {None, "-", "/dev/stdout"}:
            return self.path is not None
        path = Path(self.path or "")
        return path.exists() and not path.is_file() and not path.is_dir()

    @property
    def is_stdout(self) -> bool:
        """Whether it is standard output, which must then contain only the file."""
        return self.path in {"-", "/dev/stdout"}

    @property
    def folder(self) -> Path | None:
        """The folder of the files; None if the target is a file or a stream."""
        if self.path is None:
            return Path()
        path = Path(self.path)
        return path if path.is_dir() or (self.path.endswith("/") and not self.is_stream) else None

    def check(self, files: int) -> None:
        """Raises CommandFailedError for errors that can be detected before a request is sent."""
        path, folder = Path(self.path or "."), self.folder
        if files > 1 and folder is None:
            problem = "can't be written to one stream" if self.is_stream else f"need a folder. Add a slash: `{path}/`"
            raise CommandFailedError(ExitCode.USAGE, f"{files} files {problem}.")
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

    def path_of(self, name: str) -> Path:
        """Returns the path of a file with this name. Creates the folder if it does not exist."""
        if (folder := self.folder) is None:
            return Path(self.path or "")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def require_free(self, path: Path) -> None:
        """Raises CommandFailedError if the file exists and must not be overwritten."""
        if path.exists() and not self.overwrite:
            raise CommandFailedError(
                ExitCode.USAGE, f"{path} already exists. Choose another path, or use `--overwrite`."
            )
