"""Errors of attempts to deliver files. Their codes and messages are recorded with the attempt.

DeliveryError                         another attempt may succeed, also because the destination is corrected meanwhile
|-- DestinationUnavailableError         it does not answer, or says that it is overloaded
|-- AccessDeniedError                   it refuses the identity of the destination, or the role cannot be assumed
|-- DestinationMissingError             the bucket or folder does not exist
|-- WrongRegionError
|-- EncryptionKeyError                  the key that the destination names cannot be used
|-- DestinationFullError                its disk is full, or a quota is used up
|-- DestinationRefusedError             any other answer
|-- UploadLostError                     an unfinished file no longer exists there: the next attempt starts again
|-- ChecksumMismatchError               the bytes that were sent are not those of the report
|-- SourceUnavailableError              the object store of Resma
|-- RecipientDeferredError              the mail server does not accept the message to a recipient now
`-- PermanentDeliveryError            another attempt would fail in the same way
    |-- NameExistsError
    |-- NameTooLongError
    |-- HostKeyError                      the server has another host key than the destination says
    |-- HostRefusedError                  the host of the destination has an address that is not allowed
    |-- SettingsNotAllowedError           the settings of the destination are no longer valid in this deployment
    |-- PersonalDataNotAllowedError
    |-- EncryptionMissingError            the destination has certificates, and the files are not encrypted
    |-- EncryptionFailedError             the test file cannot be encrypted or signed
    |-- ReportGoneError                   the files of the report have expired
    |-- RecipientRefusedError             the mail server will not accept the message to a recipient
    `-- RecipientsSuppressedError         all recipients are suppressed

TimeUpError                           the time of the invocation is up: another one continues
"""

from __future__ import annotations

from resma.errors import ResmaError


class TimeUpError(Exception):
    """The time of the invocation is up. What is done is recorded, and another invocation continues."""


class DeliveryError(ResmaError):
    """An attempt to deliver files has failed. Another one may succeed."""

    code = "delivery-failed"
    is_permanent = False


class DestinationUnavailableError(DeliveryError):
    """The destination does not answer, or says that it is overloaded."""

    code = "destination-unavailable"


class AccessDeniedError(DeliveryError):
    """The destination refuses the identity, or the identity cannot be used."""

    code = "access-denied"


class DestinationMissingError(DeliveryError):
    """The bucket or folder does not exist."""

    code = "destination-missing"


class WrongRegionError(DeliveryError):
    """The bucket is in another region than the destination says."""

    code = "wrong-region"


class EncryptionKeyError(DeliveryError):
    """The key for encryption at the destination cannot be used."""

    code = "encryption-key-unusable"


class DestinationFullError(DeliveryError):
    """The destination has no room for the file."""

    code = "destination-full"


class DestinationRefusedError(DeliveryError):
    """The destination answers with an error that has no class of its own."""

    code = "destination-refused"


class UploadLostError(DeliveryError):
    """An unfinished file no longer exists at the destination, so that the next attempt starts again."""

    code = "upload-lost"


class ChecksumMismatchError(DeliveryError):
    """The bytes that were sent do not have the SHA-256 of the report's file. The file was not completed."""

    code = "checksum-mismatch"


class SourceUnavailableError(DeliveryError):
    """The file cannot be read from the object store of Resma."""

    code = "source-unavailable"


class RecipientDeferredError(DeliveryError):
    """The mail server does not accept the message to a recipient now, for example because it greylists the sender."""

    code = "recipient-deferred"


class PermanentDeliveryError(DeliveryError):
    """Another attempt would fail in the same way, so that the delivery is FAILED."""

    code = "delivery-impossible"
    is_permanent = True


class NameExistsError(PermanentDeliveryError):
    """Another file has this name at the destination. It was not changed."""

    code = "name-exists"


class NameTooLongError(PermanentDeliveryError):
    """The name of the file is longer than the destination allows."""

    code = "name-too-long"


class HostKeyError(PermanentDeliveryError):
    """The server has another host key than the destination says. No password or signature was sent to it."""

    code = "host-key-mismatch"


class HostRefusedError(PermanentDeliveryError):
    """The host of the destination has an IP address that is not public, and that the operator does not allow."""

    code = "host-not-allowed"


class SettingsNotAllowedError(PermanentDeliveryError):
    """The settings of the destination are not valid, or not any longer."""

    code = "settings-not-allowed"


class PersonalDataNotAllowedError(PermanentDeliveryError):
    """The files show personal data, which the destination does not accept."""

    code = "personal-data-not-allowed"


class ReportGoneError(PermanentDeliveryError):
    """The files of the report no longer exist."""

    code = "report-expired"


class EncryptionMissingError(PermanentDeliveryError):
    """The destination has certificates, and the files of the report are not encrypted."""

    code = "encryption-missing"


class EncryptionFailedError(PermanentDeliveryError):
    """The test file cannot be encrypted for a certificate of the destination, or not be signed."""

    code = "encryption-failed"


class RecipientRefusedError(PermanentDeliveryError):
    """The mail server will not accept the message to a recipient. The other recipients have got theirs."""

    code = "recipient-refused"


class RecipientsSuppressedError(PermanentDeliveryError):
    """All recipients are suppressed, because messages to them have bounced or they complained."""

    code = "recipients-suppressed"
