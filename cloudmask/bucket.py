"""Anonymous reading of a bucket in S3. The only module that imports boto3, and only when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cloudmask.errors import CloudmaskError, InputError

CHUNK = 1 << 20  # bytes read at once
_CONNECT_S, _READ_S = 15, 60  # seconds of silence after which a connection counts as lost
_LATER = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "TooManyRequests", "Throttling"}


class ConnectionLostError(Exception):
    """The connection was lost or the server is busy: another attempt may go on."""


@dataclass(frozen=True)
class Remote:
    """An object in a bucket; its ETag is without quotes."""

    key: str
    size: int
    etag: str


class Bucket:
    """A bucket that anyone may read.

    Parameters
    ----------
    endpoint : str
        Address of the server, with ``http://`` or ``https://``.
    name : str
        The bucket.
    connections : int
        As many are kept open at most.

    Raises
    ------
    InputError
        If boto3 is missing or the address is none.
    """

    def __init__(self, endpoint: str, name: str, connections: int = 1) -> None:
        self.where = f"{endpoint}/{name}"
        self._name = name
        self._client = _client(endpoint, connections)

    def objects(self, prefix: str) -> list[Remote]:
        """List the objects below a prefix in the order of their keys.

        Raises
        ------
        InputError
            If there is no such bucket or it is not open to all.
        ConnectionLostError
            If the server cannot be reached.
        """
        with self._told(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            found = [each for page in pages for each in page.get("Contents", ())]
        remotes = [Remote(each["Key"], each["Size"], each["ETag"].strip('"')) for each in found]
        return sorted(remotes, key=lambda remote: remote.key)

    def part_size(self, remote: Remote) -> int | None:
        """Return the size of the first part of an object that was uploaded in parts, if the server tells it."""
        if "-" not in remote.etag:
            return None
        try:
            with self._told(remote.key):
                answer = self._client.head_object(Bucket=self._name, Key=remote.key, PartNumber=1)
        except (CloudmaskError, ConnectionLostError):
            return None
        return int(answer["ContentLength"]) if answer.get("PartsCount") else None

    def read(self, remote: Remote, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield the bytes of an object from a place on, each piece with its place.

        The first place is 0 if the server does not understand ranges. The object must still have the ETag.

        Raises
        ------
        ConnectionLostError
            If the connection is lost, the server busy, or the answer too short.
        CloudmaskError
            If the object is gone or another one by now.
        """
        options = {"Range": f"bytes={start}-"} if start else {}
        with self._told(remote.key):
            answer = self._client.get_object(Bucket=self._name, Key=remote.key, IfMatch=f'"{remote.etag}"', **options)
        ranged = answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        place = start if ranged else 0
        body = answer["Body"]
        try:
            while True:
                with self._told(remote.key):
                    piece = body.read(CHUNK)
                if not piece:
                    return
                yield place, piece
                place += len(piece)
        finally:
            body.close()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what boto3 raises into this package's errors."""
        from botocore import exceptions  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            yield
        except exceptions.ClientError as error:
            raise self._refused(error.response, what) from None
        except exceptions.ParamValidationError:
            raise InputError(f"bucket: {self._name!r} is not a name that a bucket can have") from None
        except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError):
            raise ConnectionLostError(f"{self.where}: the server cannot be reached; is there a network?") from None
        except (exceptions.BotoCoreError, HTTPError, ConnectionError, TimeoutError) as error:
            raise ConnectionLostError(f"{self.where}: {' '.join(str(error).split())}") from None

    def _refused(self, answer: dict[str, Any], what: str) -> Exception:
        code = str(answer.get("Error", {}).get("Code", ""))
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return InputError(f"{self.where}: no such bucket")
        if status >= 500 or status == 429 or code in _LATER:
            return ConnectionLostError(f"{self.where}: the server is busy ({code or status})")
        if status == 412:
            return CloudmaskError(f"{self.where}: {what} was changed on the server meanwhile; start again")
        if status == 403:
            return InputError(f"{self.where}: {what} may not be read by everyone ({code})")
        if status == 404:
            return CloudmaskError(f"{self.where}: {what} is not there")
        return CloudmaskError(f"{self.where}: {what}: {code or status}")


def _client(endpoint: str, connections: int) -> Any:
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
        retries={"total_max_attempts": 1},  # `download` itself tries again, and goes on where it stopped
        s3={"addressing_style": "path"},
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config)
    except BotoCoreError as error:  # such as a profile in the environment that its files lack
        raise InputError(f"boto3 cannot start: {error}") from None
    except ValueError:
        raise InputError(f"endpoint: {endpoint!r} is no address such as https://s3.echo.stfc.ac.uk") from None
