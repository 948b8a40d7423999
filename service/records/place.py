"""Where a store may lie: a folder, or a prefix of an S3 bucket. Everything else is refused in one sentence."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dit_core.errors import UserError
from dit_core.paths import expanded
from service.default_store import ADDRESS
from service.records.backend import is_name
from service.redact import redacted

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ALLOWED = "a store is a folder or s3://BUCKET/PREFIX"


@dataclass(frozen=True)
class S3Place:
    """A prefix of a bucket.

    Attributes:
        bucket: the bucket's name.
        prefix: what all keys of the store begin with, without slashes around it; empty for the whole bucket.
    """

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


Place = Path | S3Place


def _can_be_written_down(text: str) -> bool:
    """Whether a name has characters only: a store's records and commands name its place."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def place_of(given: object) -> Place:
    """Returns the place that a person means.

    Raises:
        UserError: it is neither a folder's name nor an S3 address.
    """
    if not isinstance(given, str | os.PathLike) or not isinstance(text := os.fspath(given), str) or not text.strip():
        raise UserError(f"store: {given!r:.60} is no place for a store; {_ALLOWED}")
    found = ADDRESS.fullmatch(text)
    if found is None:
        if "\x00" in text or not _can_be_written_down(text):
            raise UserError(f"store: {text!r:.60} is no folder's name; {_ALLOWED}")
        return expanded(text, "store").resolve()
    scheme, rest = found["scheme"], found["rest"].strip("/")
    shown = redacted(text)
    if scheme == "file":
        raise UserError(f"store: {shown!r} is an address; {_ALLOWED}; did you mean {'/' + unquote(rest)!r}?")
    if scheme != "s3" or found["slashes"] != "//":
        raise UserError(
            f"store: {shown!r} is no place for a store; {_ALLOWED}; did you mean {redacted(f's3://{rest}')!r}?"
        )
    return _s3(shown, rest)


def _s3(shown: str, rest: str) -> S3Place:
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:
        raise UserError(
            f"store: {shown!r} names a user; give s3://BUCKET/PREFIX, and credentials as AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or as a profile"
        )
    if _BUCKET.fullmatch(bucket) is None:
        nearest = re.sub(r"[^a-z0-9.-]+", "-", bucket.lower()).strip("-.")
        guess = f"; did you mean {f's3://{nearest}/{prefix}'.rstrip('/')!r}?" if _BUCKET.fullmatch(nearest) else ""
        raise UserError(
            f"store: {bucket!r} in {shown!r} is no bucket's name; those have 3 to 63 lower-case letters, digits, "
            f"'.' and '-'{guess}"
        )
    parts = prefix.split("/") if prefix else []
    if not all(map(is_name, parts)) or any(mark in prefix for mark in "?#"):
        tidy = "/".join(part for part in re.split(r"[/?#]+", prefix) if is_name(part))
        raise UserError(
            f"store: {shown!r} has empty parts, '..', '?' or '#' in its prefix; "
            f"did you mean {f's3://{bucket}/{tidy}'.rstrip('/')!r}?"
        )
    return S3Place(bucket, prefix)
