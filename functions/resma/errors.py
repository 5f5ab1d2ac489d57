"""Errors that Resma raises deliberately.

ResmaError
|-- RequestError                      the caller can fix it (request_errors.py)
|-- PermanentError                    another attempt would fail in the same way: the report is FAILED at once
|   |-- QueryInvalidError                 the database rejects the query of the catalog
|   |-- UnknownTimeZoneError              the database does not know the report's time zone
|   |-- CatalogInvalidError
|   |-- RowCountMismatchError             the number of rows differs from what the snapshot counted
|   |-- ManifestMismatchError             the files of a split report do not add up to the report
|   |-- ControlMismatchError              the totals differ from those of the control query
|   |-- RowsQuotaExceededError            the report has more rows than the tenant may read today
|   |-- FilesQuotaExceededError           the split report has more files than the tenant may make today
|   |-- KeysInconsistentError             the rows of a key of a split report do not match its summary
|   |-- RowTooWideError                   a row does not fit into a worker's memory
|   |-- FormatLimitError                  a format cannot represent a value: the file of that format fails
|   |-- AllFormatsFailedError             every requested format failed with a FormatLimitError
|   |-- ShardsFailedError                 shards of a split report failed; a dead letter if by transient errors
|   |-- KmsKeyNotAllowedError             the deployment does not list the tenant's KMS key
|   |-- ContinuationsExhaustedError       the report was continued in a new invocation too often
|   |-- ContinuationStalledError          several invocations in a row had no time left to write rows
|   |-- KeyUnreadableError                the key of an encrypted file was sealed with another key of the deployment
|   |-- CertificateUnusableError          files can no longer be encrypted for a certificate of the request
|   |-- SigningKeyUnusableError           files cannot be signed with the key of the tenant
|   |-- SealedTooLongError                an invocation was too short for a report that is encrypted by OpenPGP
|   `-- SettingsInvalidError
|-- TransientError                    another attempt may succeed
|   |-- DependencyUnavailableError        a service that reports need is down: reports wait, and use up no attempt
|   |   |-- DatabaseUnavailableError
|   |   |-- ObjectStoreUnavailableError
|   |   `-- SecretUnavailableError
|   |       `-- SecretRefusedError            one secret is missing, or is not valid
|   |-- SealingFailedError                the process that encrypts a file by OpenPGP has ended
|   |-- SnapshotGoneError                 the exported snapshot no longer exists
|   |-- DatabaseBusyError                 a lock or a time limit of the database
|   |-- ObjectStoreRefusedError           the store answers, and rejects a request
|   |-- ProbeTakenError                   another report is checking whether a dependency is available again
|   |-- IdentityProviderUnavailableError
|   |-- BusRefusedError                   EventBridge answered, and rejected an event
|   |-- RestartRequiredError              the checkpoint cannot be used: the next attempt starts from the first row
|   |   |-- CheckpointUnusableError           it is missing, damaged, or was saved by other code
|   |   `-- SourceChangedError                the data differ from those of the first snapshot
|   `-- LeaseHeldError                    another worker holds the lease of the job
|-- EventTooLargeError                the event exceeds the limits of SNS and EventBridge
|-- SchedulerRunIncompleteError       some tasks of a scheduler run have failed
`-- LeaseLostError                    the worker no longer holds the lease: it must stop, and write nothing
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from resma.short_text import counted


class ResmaError(Exception):
    """Base class of all errors. `code` is stable and meant for programs, the message for people."""

    code = "internal"


class PermanentError(ResmaError):
    """Another attempt would fail in the same way."""

    code = "permanent"


class QueryInvalidError(PermanentError):
    """The database rejects the query of the catalog."""

    code = "query-invalid"


class UnknownTimeZoneError(PermanentError):
    """The source database does not know the report's time zone."""

    code = "unknown-time-zone"


class KmsKeyNotAllowedError(PermanentError):
    """The deployment does not list the KMS key of the tenant, so that the worker may not use it."""

    code = "kms-key-not-allowed"


class CatalogInvalidError(PermanentError):
    """The catalog cannot be read: its folder does not exist, or resma.toml has errors."""

    code = "catalog-invalid"


class RowCountMismatchError(PermanentError):
    """The number of rows differs from what the snapshot counted.

    `subject` is the start of the clause that `found` completes, such as `the writer received`.
    """

    code = "row-count-mismatch"

    def __init__(self, found: int, expected: int, subject: str = "the writer received") -> None:
        super().__init__(
            f"The snapshot counted {counted(expected, 'row')}, but {subject} {found:,}. Make sure that the report's "
            "query returns the same rows each time it runs in one transaction."
        )


class ManifestMismatchError(PermanentError):
    """The files of a split report do not add up to the report: their number, rows or totals differ.

    The message has both numbers.
    """

    code = "manifest-mismatch"


class ControlMismatchError(PermanentError):
    """The totals of the report differ from those of the control query. `control_totals` is for the report's row."""

    code = "control-mismatch"

    def __init__(self, detail: str, control_totals: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(detail)
        self.control_totals = control_totals


class RowsQuotaExceededError(PermanentError):
    """The report has more rows than the tenant may still read today."""

    code = "rows-quota-exceeded"


class FilesQuotaExceededError(PermanentError):
    """The split report has more files than the tenant may still make today."""

    code = "files-quota-exceeded"


class RowTooWideError(PermanentError):
    """A row does not fit into a worker's memory, whatever the format.

    `column` is the catalog's name of the longest cell's column. `row` is the row's number in the report, from 1.
    """

    code = "row-too-wide"

    def __init__(self, detail: str, *, column: str, row: int) -> None:
        super().__init__(detail)
        self.column = column
        self.row = row


class KeysInconsistentError(PermanentError):
    """The rows of a key of a split report do not match its summary.

    `column` is the catalog's name of the column, `number` the number of the key in the order of the report.
    """

    code = "keys-inconsistent"

    def __init__(self, detail: str, *, column: str, number: int) -> None:
        super().__init__(detail)
        self.column = column
        self.number = number


class FormatLimitError(PermanentError):
    """A format cannot represent a value. The file of that format fails, and no other.

    `column` is the catalog's name of the column, `row` the row's number without headings, from 1. Each is None if the
    error is not about a single column or row.
    """

    code = "format-limit-exceeded"

    def __init__(self, detail: str, *, column: str | None = None, row: int | None = None) -> None:
        super().__init__(detail)
        self.column = column
        self.row = row


class EventTooLargeError(ResmaError):
    """The event exceeds the limits of SNS and EventBridge."""

    code = "event-too-large"


class AllFormatsFailedError(PermanentError):
    """None of the requested formats can represent all values. `failed_files` has the reason for each format."""

    code = "format-limit-exceeded"

    def __init__(self, failed_files: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(" ".join(f"{failed['format']}: {failed['detail']}" for failed in failed_files))
        self.failed_files = failed_files


class ShardsFailedError(PermanentError):
    """Shards of a split report have failed, and the others are finished. `failed` has number, code and detail.

    With `is_exhausted`, transient errors have used up the attempts of all of them, so that the report is a dead letter.
    """

    code = "shards-failed"

    def __init__(self, failed: Sequence[tuple[int, str, str]], *, is_exhausted: bool = False) -> None:
        first = "; ".join(f"shard {shard} ({code}): {detail.rstrip('.')}" for shard, code, detail in failed[:3])
        redrive = " or redrive the report (POST /api/v1/dead-letters/{reportId}/redrive)" if is_exhausted else ""
        super().__init__(
            f"{counted(len(failed), 'shard')} of the report failed: {first}. The files of the other shards are stored. "
            f"Fix the cause, then retry the failed files (POST /api/v1/reports/{{reportId}}/files/retry){redrive}."
        )
        self.is_exhausted = is_exhausted


class ContinuationsExhaustedError(PermanentError):
    """The report was continued in a new invocation as often as is allowed, and is not finished."""

    code = "continuations-exhausted"


class ContinuationStalledError(PermanentError):
    """Several invocations in a row needed all their time for counting, and had none left to write rows."""

    code = "continuation-stalled"


class KeyUnreadableError(PermanentError):
    """The key of an encrypted file cannot be opened, because it was sealed with another key of the deployment."""

    code = "key-unreadable"


class CertificateUnusableError(PermanentError):
    """Files can no longer be encrypted for a certificate: it was deleted or revoked, has expired, or is weak."""

    code = "certificate-unusable"


class SigningKeyUnusableError(PermanentError):
    """Files cannot be signed: the secret of the tenant is missing, or its key cannot be used."""

    code = "signing-key-unusable"


class SealedTooLongError(PermanentError):
    """The invocation's time was up before the files of a report that is encrypted by OpenPGP were complete."""

    code = "sealed-too-long"


class SettingsInvalidError(PermanentError):
    """An environment variable or a secret of the function is missing or not valid."""

    code = "settings-invalid"


class TransientError(ResmaError):
    """Another attempt may succeed."""

    code = "transient"


Dependency = Literal["object-store", "secrets", "source-database", "system-database"]
"""Services that a worker needs to generate a report. Queue, topic and bus are not among them: they have outboxes."""


class DependencyUnavailableError(TransientError):
    """A service that reports need is unavailable. Reports wait for it, which uses up no attempt."""

    code = "dependency-unavailable"

    def __init__(self, detail: str, dependency: Dependency) -> None:
        super().__init__(detail)
        self.dependency = dependency


class DatabaseUnavailableError(DependencyUnavailableError):
    """A database refuses or ends connections, or its secret cannot be read; `dependency` says which."""

    code = "database-unavailable"

    def __init__(self, detail: str, dependency: Dependency = "system-database") -> None:
        super().__init__(detail, dependency)


class SealingFailedError(TransientError):
    """A file could not be encrypted by OpenPGP, for example because its process ran out of memory."""

    code = "sealing-failed"


class SnapshotGoneError(TransientError):
    """The exported snapshot no longer exists: the transaction that exported it has ended, or is on another server."""

    code = "snapshot-gone"


class DatabaseBusyError(TransientError):
    """The database ended a statement or transaction because of a lock or a time limit."""

    code = "database-busy"


class ObjectStoreUnavailableError(DependencyUnavailableError):
    """The object store does not answer, or denies access."""

    code = "object-store-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "object-store")


class ObjectStoreRefusedError(TransientError):
    """The object store answers, and rejects a request."""

    code = "object-store-refused"


class SecretUnavailableError(DependencyUnavailableError):
    """Secrets Manager does not answer, or does not return a usable secret."""

    code = "secret-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "secrets")


class SecretRefusedError(SecretUnavailableError):
    """Secrets Manager answers, and refuses one secret, or its value is not a JSON object."""


class ProbeTakenError(TransientError):
    """Another report is checking whether a dependency is available again."""

    code = "probe-taken"


class IdentityProviderUnavailableError(TransientError):
    """The identity provider does not answer, so tokens cannot be verified."""

    code = "identity-provider-unavailable"


class BusRefusedError(TransientError):
    """EventBridge answered, and rejected an event. `reason` is the error code that EventBridge returned."""

    code = "bus-refused"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RestartRequiredError(TransientError):
    """The next attempt has to start from the first row."""

    code = "restart-required"


class CheckpointUnusableError(RestartRequiredError):
    """The checkpoint is missing, damaged, or was saved by other code."""

    code = "checkpoint-unusable"


class SourceChangedError(RestartRequiredError):
    """The data differ from those of the snapshot that the report started with."""

    code = "source-changed"


class LeaseHeldError(TransientError):
    """Another worker holds the lease of the job, which expires in `seconds`."""

    code = "lease-held"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class SchedulerRunIncompleteError(ResmaError):
    """Some tasks of a scheduler run have failed; the next run repeats them."""

    code = "scheduler-run-incomplete"


class LeaseLostError(ResmaError):
    """The worker no longer holds the lease of its job: it must stop, and write nothing."""

    code = "lease-lost"
