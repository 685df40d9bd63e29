"""A local cloud of its own for each test, and clients that sign with given keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from tools.localaws.local_aws import LocalCloud

if TYPE_CHECKING:
    from tools.localaws.sts.sessions import Credentials

Connect = Callable[..., Any]


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as running:
        yield running


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """Shared, so that each service's model is read once."""
    return boto3.Session(aws_access_key_id="unused", aws_secret_access_key="unused")


@pytest.fixture
def connect(cloud: LocalCloud, session: boto3.Session) -> Connect:
    """Makes clients: ``connect("logs", keys, region="eu-west-1")``; nothing is tried twice."""

    def make(service: str, keys: Credentials, region: str = "eu-central-1") -> Any:
        client: Any = session.client  # typed by the name of every service
        return client(
            service,
            endpoint_url=cloud.url,
            region_name=region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    return make
