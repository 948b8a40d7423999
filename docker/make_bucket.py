"""Makes the bucket for MLflow's artifacts unless it is there: ``python make_bucket.py NAME``."""

from __future__ import annotations

import os
import sys

import boto3
from botocore.exceptions import ClientError


def make_bucket(name: str, endpoint: str) -> bool:
    """Makes a bucket and returns whether it was new.

    Args:
        name: the bucket.
        endpoint: the S3 server's URL; credentials come from the usual ``AWS_`` variables.
    """
    s3 = boto3.client("s3", endpoint_url=endpoint)
    try:
        s3.head_bucket(Bucket=name)
        return False
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
    s3.create_bucket(Bucket=name)
    return True


if __name__ == "__main__":
    bucket = sys.argv[1]
    print(f"{bucket}: {'made' if make_bucket(bucket, os.environ['MLFLOW_S3_ENDPOINT_URL']) else 'already there'}")
