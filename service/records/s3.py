"""A store in an S3 bucket: every key is an object, and records are put under the condition that there is none yet."""

from __future__ import annotations

import contextlib
import errno
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.extras import require
from dit_core.files import file_sha256, replacing
from service.records.backend import checked
from service.records.kinds import Whereabouts
from service.records.place import S3Place
from service.redact import redacted

_ATTEMPTS = 6
"""How often a request is tried while the server is overloaded or cannot be reached; the waits grow."""
_CONFLICTS = 5
_PAGE = 1000
"""Keys that one answer lists; servers give no more."""
_FULL = ("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull")
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403", "401")
_MISSING = ("NoSuchKey", "404", "NotFound")


class S3Backend:
    """Keeps every key as an object below a prefix.

    The server, the credentials and the region come from the usual variables and files of AWS (``AWS_ENDPOINT_URL_S3``,
    ``AWS_ACCESS_KEY_ID``, ``AWS_PROFILE``, ...).

    Args:
        place: the bucket and the prefix.

    Raises:
        UserError: boto3 is not installed, or what the environment says of AWS makes no sense.
    """

    def __init__(self, place: S3Place) -> None:
        boto3 = require("boto3", f"store: {place}")
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        self.place = place
        config = Config(
            connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}
        )
        try:
            self._client: Any = boto3.session.Session().client("s3", config=config)
        except (BotoCoreError, ValueError) as error:
            raise UserError(f"store: {place} cannot be opened ({_line(error)})") from None
        self._endpoint = redacted(str(self._client.meta.endpoint_url))

    # -- Backend --------------------------------------------------------------------------------

    def put(self, key: str, data: bytes, *, durably: bool = True) -> bool:
        """Writes an object unless there is one; see ``Backend.put``.

        A request may have been carried out although its answer was lost. The one who wrote an object is told by a token
        with it, so that a second try of the same call does not take its own object for another writer's.
        """
        token = uuid.uuid4().hex
        for conflict in range(_CONFLICTS):
            try:
                with self._errors(key):
                    self._client.put_object(**self._object(key), Body=data, IfNoneMatch="*", Metadata={"writer": token})
                return True
            except _Taken as error:
                return error.tried_again and self._head(key).get("Metadata", {}).get("writer") == token
            except _Conflict:
                time.sleep(0.1 * 2**conflict)  # somebody writes at this moment; who wins is seen then
        raise OSError(errno.EAGAIN, f"{self._endpoint} is busy with {key}")

    def get(self, key: str) -> bytes | None:
        """Returns an object's bytes; see ``Backend.get``."""
        try:
            with self._errors(key):
                answer = self._client.get_object(**self._object(key))
                data: bytes = answer["Body"].read()
        except _Missing:
            return None
        return data

    def list(self, prefix: str) -> list[str]:
        """Returns the keys right below a prefix, and the names of prefixes there; see ``Backend.list``."""
        whole = self._name(checked(prefix, folder=True))
        found: list[str] = []
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(
                Bucket=self.place.bucket, Prefix=whole, Delimiter="/", PaginationConfig={"PageSize": _PAGE}
            ):
                found += [item["Key"] for item in page.get("Contents", ())]
                found += [item["Prefix"].rstrip("/") for item in page.get("CommonPrefixes", ())]
        names = {name[len(whole) :] for name in found}
        return sorted(prefix + name for name in names if name and not name.startswith("."))

    def write(self, key: str, data: bytes) -> None:
        """Replaces an object; see ``Backend.write``."""
        with self._errors(key):
            self._client.put_object(**self._object(key), Body=data)

    def delete(self, key: str) -> None:
        """Removes an object; see ``Backend.delete``."""
        with contextlib.suppress(_Missing), self._errors(key):
            self._client.delete_object(**self._object(key))

    # -- files ----------------------------------------------------------------------------------

    def upload(self, key: str, path: Path) -> None:
        """Replaces an object by a file, whole or not at all, with its SHA-256 beside it."""
        with self._errors(key):
            self._client.upload_file(
                str(path), self.place.bucket, self._name(checked(key)), {"Metadata": {"sha256": file_sha256(path)}}
            )

    def download(self, key: str, path: Path) -> str:
        """Makes a file of an object, unless the file is the same already.

        Returns:
            Nothing, or in one sentence why the object must not be used; the file is left as it was then.

        Raises:
            OSError: it cannot be read, or the file cannot be written.
        """
        try:
            expected = self._head(key).get("Metadata", {}).get("sha256")
            if expected is None:
                return f"{key} has no SHA-256 with it"
            if path.is_file() and file_sha256(path) == expected:
                return ""
            with replacing(path) as temporary:
                with self._errors(key):
                    self._client.download_file(self.place.bucket, self._name(checked(key)), str(temporary))
                if file_sha256(temporary) != expected:
                    raise _Damaged
        except _Missing:
            return f"{key} is not there any more"
        except _Damaged:
            return f"the content of {key} does not match its SHA-256"
        return ""

    # -- the store's ground ---------------------------------------------------------------------

    def vacant(self) -> bool:
        """Whether no object lies below the prefix, but for the names of empty folders that some programs make."""
        whole = self._name("")
        with self._errors(""):
            page = self._client.list_objects_v2(Bucket=self.place.bucket, Prefix=whole, MaxKeys=100)
        return all(item["Key"].endswith("/") and not item["Size"] for item in page.get("Contents", ()))

    def whereabouts(self, marker: str) -> Whereabouts:
        """Where the store lies, and when its marker was written."""
        written = int(self._head(marker)["LastModified"].timestamp() * 1e9)
        return Whereabouts(host=self._endpoint, place=str(self.place), written=written, changed=written)

    def require_conditions(self, marker: str) -> None:
        """Makes sure that the server heeds conditions, by asking for the marker to be put where it is already.

        Raises:
            UserError: it does not; two runs could then overwrite each other's records.
        """
        there = self.get(marker)
        if there is None or not self.put(marker, there):
            return
        raise UserError(
            f"store: the S3 server at {self._endpoint} ignores If-None-Match, without which runs overwrite each "
            "other's records; use one with conditional writes (AWS, MinIO, ...)"
        )

    # -- requests -------------------------------------------------------------------------------

    def _name(self, key: str) -> str:
        return f"{self.place.prefix}/{key}" if self.place.prefix else key

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self._name(checked(key))}

    def _head(self, key: str) -> dict[str, Any]:
        with self._errors(key):
            found: dict[str, Any] = self._client.head_object(**self._object(key))
        return found

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Makes an ``OSError`` of whatever boto3 raises."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            yield
        except ClientError as error:
            raise self._explained(error, key) from None
        except NoCredentialsError:
            raise PermissionError(
                errno.EACCES, "no AWS credentials are set (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile)"
            ) from None
        except Boto3Error as error:  # of transfers; the reason is in its text only
            inner = error.__context__
            raise (self._explained(inner, key) if isinstance(inner, ClientError) else self._broken(error)) from None
        except BotoCoreError as error:
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> OSError:
        return ConnectionError(errno.ECONNABORTED, f"{self._endpoint}: {_line(error)}")

    def _explained(self, error: Any, key: str) -> OSError:
        about, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code, status = str(about.get("Code", "")), answer.get("HTTPStatusCode")
        if status == 412:
            return _Taken(answer.get("RetryAttempts", 0) > 0)
        if status == 409 and "Conflict" in code:
            return _Conflict()
        if code == "NoSuchBucket":
            return OSError(errno.EIO, f"there is no bucket {self.place.bucket!r} at {self._endpoint}")
        if code in _MISSING:
            return _Missing(errno.ENOENT, f"{key} is not there")
        if code in _DENIED:
            return PermissionError(errno.EACCES, f"access to {self.place} is denied ({code})")
        number = errno.ENOSPC if code in _FULL or status == 507 else errno.EIO
        return OSError(number, f"{self._endpoint} answers {code}: {about.get('Message', '')}".strip(": "))


class _Missing(OSError):
    """There is no such object."""


class _Conflict(OSError):
    """Another request on the same object is being carried out."""


class _Damaged(Exception):
    """What was fetched is not what was published."""


class _Taken(OSError):
    """There is an object already.

    Attributes:
        tried_again: whether it may be this call's own, from a try whose answer was lost.
    """

    def __init__(self, tried_again: bool) -> None:
        super().__init__(errno.EEXIST, "it is there already")
        self.tried_again = tried_again


def _line(error: Exception) -> str:
    return redacted(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
