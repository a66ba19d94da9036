"""A public bucket of an S3 server, read with boto3."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudmask.errors import CloudmaskError, InputError

# The ETag of a multipart upload has a dash and is not an MD5.
PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")
_CONNECT_S, _READ_S = 15, 60  # timeouts in seconds
_BUSY = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "TooManyRequests", "Throttling"}


class ServerError(CloudmaskError):
    """The server is unreachable or busy, or the disk is full: all other downloads would fail, too."""


@dataclass(frozen=True)
class Remote:
    """An object in a bucket; the ETag has no quotes."""

    key: str
    size: int
    etag: str

    def matches(self, file: Path) -> bool:
        """Return whether a file has the object's size and, if the ETag is an MD5, its checksum."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        if not PLAIN_MD5.fullmatch(self.etag):
            return True
        with file.open("rb") as source:  # detects damage, not tampering
            digest = hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False))
        return digest.hexdigest() == self.etag


class Bucket:
    """A public bucket.

    Parameters
    ----------
    endpoint : str
        Address of the server, with ``http://`` or ``https://``.
    name : str
        The bucket.
    connections : int
        The maximum number of open connections.
    retries : int
        Number of retries of a failed request, with exponential backoff.

    Raises
    ------
    InputError
        If boto3 is missing or the address is malformed.
    """

    def __init__(self, endpoint: str, name: str, connections: int = 1, retries: int = 6) -> None:
        self.where = f"{endpoint}/{name}"
        self._name, self._attempts = name, retries + 1
        self._client = _client(endpoint, connections, retries)

    def objects(self, prefix: str) -> list[Remote]:
        """List the objects below a prefix in the order of their keys.

        Raises
        ------
        InputError
            If the bucket does not exist or is not public.
        ServerError
            If the server cannot be reached.
        """
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            entries = [entry for page in pages for entry in page.get("Contents", ())]
        remotes = [Remote(entry["Key"], entry["Size"], entry["ETag"].strip('"')) for entry in entries]
        return sorted(remotes, key=lambda remote: remote.key)

    def download(self, remote: Remote, file: Path, progress: Any) -> None:
        """Download an object; after a connection error, the interrupted part is downloaded again.

        Raises
        ------
        ServerError
            If the connection fails repeatedly or the disk is full.
        CloudmaskError
            If the object does not exist or is not public.
        """
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415

        config = TransferConfig(use_threads=False, num_download_attempts=self._attempts)
        with self._errors(remote.key):
            self._client.download_file(self._name, remote.key, str(file), Callback=progress, Config=config)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Convert the exceptions of boto3 to those of this package."""
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore import exceptions  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            yield
        except exceptions.ClientError as error:
            raise self._refused(error.response, what) from None
        except exceptions.ParamValidationError:
            raise InputError(f"bucket: {self._name!r} is not a name that a bucket can have") from None
        except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError):
            raise ServerError(f"{self.where}: the server cannot be reached; is there a network?") from None
        except (exceptions.BotoCoreError, Boto3Error, HTTPError, ConnectionError, TimeoutError) as error:
            raise ServerError(f"{self.where}: {what}: {' '.join(str(error).split())}") from None

    def _refused(self, answer: dict[str, Any], what: str) -> CloudmaskError:
        code = str(answer.get("Error", {}).get("Code", ""))
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return InputError(f"{self.where}: no such bucket")
        if status >= 500 or status == 429 or code in _BUSY:
            return ServerError(f"{self.where}: the server is busy ({code or status})")
        if status == 403:
            return InputError(f"{self.where}: {what} is not public ({code})")
        if status == 404:
            return CloudmaskError(f"{self.where}: {what} does not exist")
        return CloudmaskError(f"{self.where}: {what}: {code or status}")


def _client(endpoint: str, connections: int, retries: int) -> Any:
    try:
        import boto3  # noqa: PLC0415
        from botocore import UNSIGNED  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ImportError:
        raise InputError("download needs the package boto3; install it with: pip install boto3") from None
    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": retries + 1},
        s3={"addressing_style": "path"},
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config)
    except BotoCoreError as error:  # for example, the environment names a missing profile
        raise InputError(f"boto3 cannot start: {error}") from None
    except ValueError:
        raise InputError(f"endpoint: {endpoint!r} is no address such as https://s3.example.org") from None
