"""Settings of destinations of the kind S3: a bucket of the customer."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ConfigDict, Field, field_validator

from resma.destinations.paths import DEFAULT_PATTERN, MAX_PATTERN, PATTERN_SCHEMA, pattern_errors
from resma.destinations.settings import DestinationRules, DestinationSettings
from resma.request_errors import FieldError


class S3Settings(DestinationSettings):
    """A bucket, and the identity that writes to it.

    With `roleArn`, Resma assumes a role of the customer, with the id of the destination as its external id. With
    `secretName`, it uses access keys. With neither, it uses its own identity, which the bucket's policy must allow, and
    all names begin with the id of the tenant.
    """

    model_config = ConfigDict(
        title="S3DestinationSettings",
        json_schema_extra={
            "examples": [
                {
                    "bucket": "partner-reports",
                    "region": "sa-east-1",
                    "roleArn": "arn:aws:iam::111122223333:role/resma-delivery",
                    "path": "resma/{type}/{date}/{file}",
                }
            ]
        },
    )

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="Name of the bucket.")
    path: str = Field(
        default=DEFAULT_PATTERN,
        min_length=6,
        max_length=MAX_PATTERN,
        json_schema_extra={"pattern": PATTERN_SCHEMA},
        description="Pattern of the names of objects. The placeholders are `{type}`, `{date}`, `{year}`, `{month}`, "
        "`{day}` (the day of the data), `{report}` (its id) and, at the end, `{file}`.",
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$",
        description="Region of the bucket. Null: the region of this deployment.",
    )
    role_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$",
        description="Role to assume. Its trust policy must require the `externalId` of the destination.",
    )
    secret_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Last part of the name of a secret with `accessKeyId` and `secretAccessKey`, which the operator of "
        "this deployment has stored for your tenant.",
    )
    endpoint_url: str | None = Field(
        default=None,
        max_length=300,
        pattern="^https?://[!-~]+$",
        description="URL of an object store that is compatible with S3, one of those that this deployment allows. "
        "Requires `secretName`. Null: the object store of this deployment.",
    )
    kms_key_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}$",
        description="KMS key that objects are encrypted with (SSE-KMS). Null: the default of the bucket.",
    )
    bucket_owner: str | None = Field(
        default=None,
        pattern="^[0-9]{12}$",
        description="AWS account that must own the bucket. Nothing is written if another account owns it, for example "
        "because the bucket was deleted and its name was taken.",
    )

    @field_validator("path")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        if details := list(pattern_errors(value)):
            raise ValueError(" ".join(details))
        return value

    def errors(self, rules: DestinationRules) -> Iterator[FieldError]:
        """Yields errors of properties that exclude each other, and of stores that are not allowed."""
        if self.role_arn and self.secret_name:
            yield FieldError("/secretName", "Remove it, or `roleArn`: only one identity can write to the bucket.")
        if self.endpoint_url:
            if self.endpoint_url.rstrip("/") not in rules.s3_endpoints:
                yield FieldError(
                    "/endpointUrl", "This deployment does not allow this object store. Ask its operator to add it."
                )
            if not self.secret_name:
                yield FieldError("/secretName", "It is required with `endpointUrl`: the access keys of that store.")
            if self.role_arn:
                yield FieldError("/roleArn", "Remove it: roles can be assumed for buckets of AWS only.")
        elif self.bucket == rules.report_bucket:
            yield FieldError("/bucket", "This is the bucket of Resma itself. Name a bucket of the recipient.")

    @property
    def name_pattern(self) -> str:
        """Pattern of the names of objects."""
        return self.path

    def name_prefix(self, tenant_id: str) -> str:
        """Returns the tenant's folder if Resma's own identity writes to the bucket.

        The bucket's policy allows this folder only, so that no other tenant of the deployment can write to it.
        """
        return "" if self.role_arn or self.secret_name else f"{tenant_id}/"

    @property
    def url(self) -> str:
        """URL of the bucket."""
        return f"s3://{self.bucket}"
