"""A separate local AWS for each test, and clients that sign with the keys they are made with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from tools.localaws.local_aws import LocalAws

if TYPE_CHECKING:
    from tools.localaws.sts.sessions import Credentials

Connect = Callable[..., Any]


@pytest.fixture
def local_aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """Shared by all tests, so that the model of each service is loaded once."""
    return boto3.Session(aws_access_key_id="unused", aws_secret_access_key="unused")


@pytest.fixture
def connect(local_aws: LocalAws, session: boto3.Session) -> Connect:
    """Makes clients without retries: ``connect("logs", keys, region="eu-west-1")``."""

    def make(service: str, keys: Credentials, region: str = "eu-central-1") -> Any:
        client: Any = session.client  # typed by the name of every service
        return client(
            service,
            endpoint_url=local_aws.url,
            region_name=region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    return make
