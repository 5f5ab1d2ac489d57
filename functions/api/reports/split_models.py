"""JSON models of the progress and of the manifest of split reports."""

from __future__ import annotations

from pydantic import ConfigDict, Field, JsonValue

from resma.json_models import URI, ViewModel

SHA256_SCHEMA: dict[str, JsonValue] = {"pattern": "^[0-9a-f]{64}$"}


class ShardCountsView(ViewModel):
    """Number of shards of a split report by status. A shard is a range of keys that one worker at a time generates."""

    total: int = Field(description="Number of shards; 0 until the keys have been counted.")
    pending: int = Field(description="Number of shards that wait for a worker.")
    generating: int = Field(description="Number of shards that workers are generating.")
    done: int = Field(description="Number of shards whose files are stored.")
    failed: int = Field(description="Number of shards that failed after their last attempt.")


class SplitObjectView(ViewModel):
    """An object of a split report that is not the file of a key: its manifest, list of files, or ZIP archive."""

    model_config = ConfigDict(title="SplitReportObject")

    bytes: int = Field(description="Size of the object in bytes.")
    sha256: str = Field(description="SHA-256 of the object, in hexadecimal.", json_schema_extra=SHA256_SCHEMA)
    download: str = Field(
        description="URL that redirects to a presigned URL of the object. It needs an API key or token.",
        json_schema_extra=URI,
    )


class SplitView(ViewModel):
    """Keys, files, shards and manifest of a split report."""

    model_config = ConfigDict(title="SplitReport")

    keys: int | None = Field(description="Number of keys in the snapshot; null until they have been counted.")
    keys_done: int = Field(description="Number of keys whose files are stored.")
    files: int = Field(description="Number of files that are stored, in all formats; 0 until the first is stored.")
    files_failed: int = Field(description="Number of files that could not be generated.")
    shards: ShardCountsView = Field(description="Number of shards by status.")
    snapshots: int = Field(
        description="Number of database snapshots that the files were read from. More than one if the report was "
        "continued after its snapshot had ended; each held the same data as the first, as of `asOf`."
    )
    manifest: SplitObjectView | None = Field(description="The manifest, `manifest.json`; null until READY.")
    list: SplitObjectView | None = Field(description="The list of all files, `manifest.ndjson.gz`; null until READY.")
    zip: SplitObjectView | None = Field(
        description="ZIP archive of all files; null until READY, or if it was not requested."
    )
