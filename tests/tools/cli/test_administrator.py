"""The administrator of a customer account comes from a profile that the operator names, and from nowhere else."""

import pytest

from tests.tools.acceptance.aws import CUSTOMER, environment
from tools.cli.targets import AwsTarget
from tools.command_error import CommandError
from tools.localaws.local_aws import LocalAws

CONFIG = """\
[profile acme-admin]
aws_access_key_id = {own.access_key_id}
aws_secret_access_key = {own.secret_access_key}
[profile other]
aws_access_key_id = {other.access_key_id}
aws_secret_access_key = {other.secret_access_key}
"""


@pytest.fixture(scope="module")
def cloud():
    with LocalAws() as local_aws:
        yield local_aws


@pytest.fixture
def target(cloud, tmp_path, monkeypatch):
    own, other = (cloud.control.account(account) for account in (CUSTOMER, "333333333333"))
    (tmp_path / "config").write_text(CONFIG.format(own=own, other=other))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    # The operator's own, which a named profile must replace.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", other.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", other.secret_access_key)
    return AwsTarget(environment())


def test_a_profile_of_the_account_is_used_in_place_of_the_operators_keys(target):
    [account] = target.environment.accounts_of("acme")
    session = target.administrator(account, "acme-admin")
    assert target.client(session, "sts").get_caller_identity()["Account"] == CUSTOMER
    assert session.region_name == account.region


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        (None, f"This needs an administrator of {CUSTOMER}: add ADMINISTRATOR="),
        ("gone", 'has no profile "gone"'),
        ("other", 'The profile "other" is of account 333333333333'),
    ],
)
def test_any_other_profile_is_refused_with_a_sentence(target, profile, sentence):
    [account] = target.environment.accounts_of("acme")
    with pytest.raises(CommandError, match=sentence):
        target.administrator(account, profile)
