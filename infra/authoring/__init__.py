"""Commands for authors of report types: `resma init`, `new`, `preview` and `check`."""
