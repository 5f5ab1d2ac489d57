"""Transport to a bucket: copied within the object store where possible, streamed otherwise, of any size.

The object appears under its name when its last byte is stored, and never replaces another one: both requests that make
an object visible (PutObject, CompleteMultipartUpload) have `If-None-Match: *`.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from delivery.errors import (
    AccessDeniedError,
    ChecksumMismatchError,
    DeliveryError,
    DestinationFullError,
    DestinationMissingError,
    DestinationRefusedError,
    DestinationUnavailableError,
    EncryptionKeyError,
    NameExistsError,
    NameTooLongError,
    TimeUpError,
    UploadLostError,
    WrongRegionError,
)
from delivery.outgoing import OutgoingFile, Progress, Target
from resma.aws.clients import read_secret
from resma.aws.s3_access import AccessKeys, assume_role, foreign_s3_client
from resma.destinations.s3_settings import S3Settings
from resma.destinations.settings import secret_name
from resma.errors import SecretUnavailableError
from resma.storage.resumable_sha256 import Sha256

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

MIB = 1024 * 1024

MAX_SINGLE_BYTES = 8 * MIB
"""Maximum size of a file that is stored with one request, from memory."""

STREAMED_PART_BYTES = 16 * MIB
"""Size of a streamed part, which is held in memory. It grows for files of more than 140 GiB."""

COPIED_PART_BYTES = 256 * MIB
"""Size of a part that the store copies. S3 allows 5 GiB, but then clients time out before the response."""

MAX_PARTS = 9000
"""Maximum number of parts, with room below the 10,000 of S3."""

MAX_KEY_BYTES = 1024

_FULL = {"QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"}
"""Error codes of object stores other than S3, which has no limit."""

_REPORT, _SHA256 = "resma-report", "resma-sha256"
"""Metadata of each object, by which an earlier delivery of the same file is recognized."""


def open_s3(target: Target) -> S3Transport:
    """Returns the transport to a bucket, with the identity that the settings name. Raises DeliveryError."""
    settings = target.settings
    assert isinstance(settings, S3Settings)
    if settings.secret_name is not None:
        return S3Transport(_client_with_keys(target, settings, settings.secret_name), settings)
    if settings.role_arn is not None:
        return S3Transport(_client_with_role(target, settings, settings.role_arn), settings)
    s3 = foreign_s3_client(region=settings.region) if settings.region else target.store.s3
    return S3Transport(s3, settings, prefix=settings.name_prefix(target.tenant_id), may_copy=True)


def _client_with_keys(target: Target, settings: S3Settings, name: str) -> S3Client:
    full_name = secret_name(target.rules.stage, target.tenant_id, name)
    try:
        keys = read_secret(full_name)
        access = AccessKeys(str(keys["accessKeyId"]), str(keys["secretAccessKey"]))
    except SecretUnavailableError as error:
        raise AccessDeniedError(f"The secret '{full_name}' of the destination cannot be used. {error}") from error
    except KeyError as error:
        raise AccessDeniedError(
            f"The secret '{full_name}' of the destination has no {error}. It must have accessKeyId and secretAccessKey."
        ) from None
    return foreign_s3_client(access, region=settings.region, endpoint_url=settings.endpoint_url)


def _client_with_role(target: Target, settings: S3Settings, role_arn: str) -> S3Client:
    session_name = f"resma-{target.destination_id}"
    try:
        keys = assume_role(role_arn, target.destination_id, session_name)
    except ClientError as error:
        raise AccessDeniedError(
            f"The role {role_arn} cannot be assumed ({_code(error)}). Check that it exists, that its trust policy "
            f"allows Resma with the external id {target.destination_id}, and that the operator of this "
            "deployment allows it."
        ) from error
    except BotoCoreError as error:
        raise DestinationUnavailableError(f"STS does not answer ({type(error).__name__}).") from error
    return foreign_s3_client(keys, region=settings.region)


@dataclass
class _Upload:
    """A multipart upload. `as_state` is what the next attempt needs to continue it."""

    upload_id: str
    part_bytes: int
    parts: list[tuple[str, str | None]]
    """ETag and CRC32 of each part that is stored; a copied part has no CRC32."""
    sha256: Sha256 | None
    """Hash of the bytes of these parts; None if the store copies them."""

    def as_state(self, settings: S3Settings) -> dict[str, Any]:
        """Returns the upload as JSON."""
        return {
            "bucket": settings.bucket,
            "endpoint": settings.endpoint_url,
            "uploadId": self.upload_id,
            "partBytes": self.part_bytes,
            "parts": self.parts,
            "sha256": self.sha256 and self.sha256.state.hex(),
        }


class S3Transport:
    """Delivers files to a bucket with one client."""

    def __init__(self, s3: S3Client, settings: S3Settings, *, prefix: str = "", may_copy: bool = False) -> None:
        self._s3 = s3
        self._settings = settings
        self._prefix = prefix
        self._may_copy = may_copy
        self._owner: Any = {"ExpectedBucketOwner": settings.bucket_owner} if settings.bucket_owner else {}

    def close(self) -> None:
        """Does nothing: clients share connections, which end with the process."""

    def deliver(self, file: OutgoingFile, progress: Progress) -> None:
        """Delivers a file. See `Transport.deliver`."""
        key = self._prefix + file.name
        if len(key.encode()) > MAX_KEY_BYTES:
            raise NameTooLongError(f"The name has more than {MAX_KEY_BYTES} bytes. Shorten `path` of the destination.")
        with self._errors():
            if self._is_delivered(file, key):
                return
            if file.bytes <= MAX_SINGLE_BYTES:
                self._put(file, key)
            else:
                self._upload(file, key, progress)

    def _is_delivered(self, file: OutgoingFile, key: str) -> bool:
        """Returns whether the object is an earlier delivery of this file. Raises NameExistsError for any other object.

        An identity that may not read the object's metadata gets 403. Then the conditional request decides.
        """
        try:
            head = self._s3.head_object(Bucket=self._settings.bucket, Key=key, **self._owner)
        except ClientError as error:
            if _status(error) in {403, 404} and _code(error) != "NoSuchBucket":
                return False
            raise
        found = {name.lower(): value for name, value in head["Metadata"].items()}
        if (found.get(_REPORT), found.get(_SHA256)) == (file.report, file.sha256):
            return True
        raise NameExistsError(
            f"Another object has the name '{key}'. Remove it, or change `path` of the destination, and replay the "
            "delivery."
        )

    def _properties(self, file: OutgoingFile) -> Any:
        """Returns the parameters that describe the object, for PutObject and CreateMultipartUpload."""
        key = self._settings.kms_key_arn
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        return {
            "ContentType": file.media_type,
            "Metadata": {_REPORT: file.report, _SHA256: file.sha256},
            **encryption,
            **self._owner,
        }

    def _put(self, file: OutgoingFile, key: str) -> None:
        content = file.read(0, file.bytes)
        _require_sha256(hashlib.sha256(content).hexdigest(), file)
        try:
            self._s3.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=content,
                IfNoneMatch="*",
                ChecksumAlgorithm="CRC32",
                ChecksumCRC32=_crc32(content),
                **self._properties(file),
            )
        except ClientError as error:
            self._settle(error, file, key)

    def _upload(self, file: OutgoingFile, key: str, progress: Progress) -> None:
        upload = self._resumed(progress.state)
        if upload is None:
            upload = self._start(file, key)
            progress.save(upload.as_state(self._settings))
        target: Any = {"Bucket": self._settings.bucket, "Key": key, "UploadId": upload.upload_id, **self._owner}
        try:
            self._send_parts(file, key, upload, target, progress)
        except (ClientError, BotoCoreError, DeliveryError):
            if progress.is_last_attempt:
                with suppress(TimeUpError):
                    self._abort(target, progress)
            raise

    def _send_parts(  # a file, where it goes, and how far it is
        self, file: OutgoingFile, key: str, upload: _Upload, target: Any, progress: Progress
    ) -> None:
        try:
            for start in range(len(upload.parts) * upload.part_bytes, file.bytes, upload.part_bytes):
                end = min(start + upload.part_bytes, file.bytes)
                upload.parts.append(self._part(file, target, len(upload.parts) + 1, upload.sha256, start, end))
                progress.save(upload.as_state(self._settings))
            if upload.sha256 is not None:
                _require_sha256(upload.sha256.hexdigest(), file)
            parts = [_completed(number, *part) for number, part in enumerate(upload.parts, 1)]
            self._s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) == "NoSuchUpload" and not self._is_delivered(file, key):
                progress.save(None)
                raise UploadLostError(
                    "The unfinished upload was removed from the bucket. The next attempt starts again. If it happens "
                    "again, check the bucket's lifecycle rule for incomplete multipart uploads."
                ) from error
            if _code(error) != "NoSuchUpload":
                self._settle(error, file, key, target, progress)
        except ChecksumMismatchError:
            self._abort(target, progress)
            raise

    def _start(self, file: OutgoingFile, key: str) -> _Upload:
        is_copied = self._may_copy and file.source is not None
        smallest = COPIED_PART_BYTES if is_copied else STREAMED_PART_BYTES
        part_bytes = max(smallest, -(-file.bytes // MAX_PARTS // MIB) * MIB)
        # Without a checksum if parts are copied, because MinIO cannot copy into an upload that has one.
        checksum: Any = {} if is_copied else {"ChecksumAlgorithm": "CRC32"}
        created = self._s3.create_multipart_upload(
            Bucket=self._settings.bucket, Key=key, **checksum, **self._properties(file)
        )
        return _Upload(created["UploadId"], part_bytes, [], None if is_copied else Sha256())

    def _resumed(self, state: dict[str, Any] | None) -> _Upload | None:
        """Returns the upload of an earlier attempt, unless the destination has been changed to another bucket."""
        if state is None or (state["bucket"], state["endpoint"]) != (
            self._settings.bucket,
            self._settings.endpoint_url,
        ):
            return None
        if state["sha256"] is None and not self._may_copy:
            return None
        sha256 = state["sha256"] and Sha256.from_state(bytes.fromhex(state["sha256"]))
        parts = [(etag, crc32) for etag, crc32 in state["parts"]]
        return _Upload(state["uploadId"], state["partBytes"], parts, sha256 or None)

    def _part(  # noqa: PLR0913, PLR0917  # a part of a file, and where it goes
        self, file: OutgoingFile, target: Any, number: int, sha256: Sha256 | None, start: int, end: int
    ) -> tuple[str, str | None]:
        """Stores a part, and returns its ETag and CRC32."""
        if sha256 is None:
            assert file.source is not None
            copied = self._s3.upload_part_copy(
                **target,
                PartNumber=number,
                CopySource={"Bucket": file.source.bucket, "Key": file.source.key},
                CopySourceRange=f"bytes={start}-{end - 1}",
            )
            return copied["CopyPartResult"]["ETag"], None
        content = file.read(start, end)
        sha256.update(content)
        crc32 = _crc32(content)
        stored = self._s3.upload_part(
            **target, PartNumber=number, Body=content, ChecksumAlgorithm="CRC32", ChecksumCRC32=crc32
        )
        return stored["ETag"], crc32

    def _settle(
        self,
        error: ClientError,
        file: OutgoingFile,
        key: str,
        target: Any = None,
        progress: Progress | None = None,
    ) -> None:
        """Returns if the name exists because of an earlier delivery of this file. Raises the error otherwise."""
        if _code(error) != "PreconditionFailed":
            raise error
        if target is not None and progress is not None:
            self._abort(target, progress)
        if not self._is_delivered(file, key):
            raise NameExistsError(
                f"An object has the name '{key}', and the destination may not read its metadata, which show whether it "
                "is an earlier delivery. Allow s3:GetObject, or remove the object, and replay the delivery."
            ) from error

    def _abort(self, target: Any, progress: Progress) -> None:
        with suppress(ClientError, BotoCoreError):  # the bucket's lifecycle rule removes it then
            self._s3.abort_multipart_upload(**target)
        progress.save(None)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translates boto3's errors to errors that say what to do."""
        try:
            yield
        except ClientError as error:
            raise _translated(error, self._settings) from error
        except BotoCoreError as error:
            raise DestinationUnavailableError(
                f"The object store does not answer ({type(error).__name__}). It is tried again."
            ) from error


def _translated(error: ClientError, settings: S3Settings) -> DeliveryError:
    code, status, bucket = _code(error), _status(error), settings.bucket
    if code.startswith("KMS."):
        return EncryptionKeyError(f"The KMS key cannot be used ({code}). Check its state and its policy.")
    if status == 301 or code in {
        "PermanentRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    }:
        region = error.response["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", "another region")
        return WrongRegionError(f"The bucket '{bucket}' is in {region}. Set `region` of the destination.")
    if code == "NoSuchBucket" or status == 404:
        return DestinationMissingError(f"The bucket '{bucket}' does not exist. Create it, or change the destination.")
    if status in {401, 403}:
        return AccessDeniedError(
            f"Access to the bucket '{bucket}' was denied ({code}). Check its policy, the role or keys, the policy of "
            "the KMS key, and `bucketOwner`."
        )
    return _translated_by_status(code, status, bucket)


def _translated_by_status(code: str, status: int, bucket: str) -> DeliveryError:
    if code in _FULL or status == 507:
        return DestinationFullError(f"The bucket '{bucket}' has no room for the file ({code}). Make room for it.")
    if status >= 500 or status == 429 or code in {"SlowDown", "RequestTimeout", "Throttling"}:
        return DestinationUnavailableError(f"The object store returned {code}. It is tried again.")
    return DestinationRefusedError(f"The object store returned {code} for the bucket '{bucket}'.")


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", "unknown"))


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 500))


def _crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def _completed(number: int, etag: str, crc32: str | None) -> CompletedPartTypeDef:
    part: CompletedPartTypeDef = {"PartNumber": number, "ETag": etag}
    if crc32 is not None:
        part["ChecksumCRC32"] = crc32
    return part


def _require_sha256(found: str, file: OutgoingFile) -> None:
    if found != file.sha256:
        raise ChecksumMismatchError(
            f"The bytes of '{file.name}' have the SHA-256 {found}, but the report says {file.sha256}. The file was not "
            "completed."
        )
