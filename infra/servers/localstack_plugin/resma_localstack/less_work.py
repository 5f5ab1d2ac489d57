"""Omits work of LocalStack that nothing depends on: a stack starts faster, and a request needs less CPU."""

from __future__ import annotations

import functools
from pathlib import PurePath
from typing import Any

import boto3
from botocore.loaders import JSONFileLoader
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.sqs.provider import CloudwatchDispatcher
from twisted.web import http

_READ_ONCE = frozenset({"endpoints", "partitions"})
"""Names of botocore's files that are never changed after they were read."""


def apply() -> None:
    """Applies all patches of this module."""
    _read_endpoints_once()
    _parse_content_types_once()
    _make_one_client_for_code()
    CloudwatchDispatcher.dispatch_sqs_metric = _ignore


def _ignore(*_args: Any, **_kwargs: Any) -> None:
    """Replaces the metrics of single messages, four requests for each. Those of whole queues are published."""


def _read_endpoints_once() -> None:
    """Reads the list of endpoints once. LocalStack makes a session per service, each of which would parse it."""
    load_file = JSONFileLoader.load_file
    read_once = functools.cache(lambda path: load_file(JSONFileLoader(), path))

    def load(self: JSONFileLoader, file_path: str) -> Any:
        return read_once(file_path) if PurePath(file_path).name in _READ_ONCE else load_file(self, file_path)

    JSONFileLoader.load_file = load


def _parse_content_types_once() -> None:
    """Parses each content type once. Twisted uses a parser of e-mail, for every request."""
    http._parseContentType = functools.lru_cache(maxsize=256)(http._parseContentType)


def _make_one_client_for_code() -> None:
    """Makes one client for the URL of a function's code. CloudFormation reads it in every poll of a function."""

    class Boto3:
        """Has the one attribute of boto3 that the module uses."""

        @staticmethod
        @functools.cache
        def client(service: str, **options: Any) -> Any:
            return boto3.client(service, **options)

    lambda_models.boto3 = Boto3
