"""Sessions of boto3 that share the descriptions of services and nothing else."""

import pytest
from botocore.exceptions import CredentialRetrievalError, ProfileNotFound

from tools.cli.boto3_session import boto3_session

KEYS = {"AccessKeyId": "AKIA1", "SecretAccessKey": "one", "SessionToken": "token"}


@pytest.fixture(autouse=True)
def no_own_credentials(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "credentials"
    config.write_text("[mine]\naws_access_key_id = AKIA3\naws_secret_access_key = three\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(config))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def loader(session):
    return session._session.get_component("data_loader")


def test_each_session_has_its_own_credentials_and_region():
    keys = boto3_session("eu-central-1", keys=KEYS)
    user = boto3_session("us-east-1", keys={"AccessKeyId": "AKIA2", "SecretAccessKey": "two"})
    profile = boto3_session("eu-west-1", profile="mine")
    credentials = [
        tuple(session.get_credentials().get_frozen_credentials()[:3])
        for session in (keys, user, profile)
    ]
    assert credentials == [
        ("AKIA1", "one", "token"),
        ("AKIA2", "two", None),
        ("AKIA3", "three", None),
    ]
    regions = [session.client("sts").meta.region_name for session in (keys, user, profile)]
    assert regions == ["eu-central-1", "us-east-1", "eu-west-1"]


def test_the_descriptions_of_services_are_read_once():
    first, second = boto3_session("eu-central-1", keys=KEYS), boto3_session("us-east-1")
    assert loader(first) is loader(second)
    assert len(loader(first).search_paths) == len({*loader(first).search_paths})


def test_the_shells_credentials_count_without_keys_and_profile(monkeypatch):
    assert boto3_session("eu-central-1").get_credentials() is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA4")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "four")
    assert boto3_session("eu-central-1").get_credentials().access_key == "AKIA4"


def test_an_unknown_profile_is_refused():
    with pytest.raises(ProfileNotFound):
        boto3_session("eu-central-1", profile="lost")


@pytest.mark.parametrize(
    "program",
    ["/absent/program", "echo no keys", "echo []", "echo 1", 'echo "', "printf \\xff"],
)
def test_a_program_that_prints_no_credentials_is_an_error_of_credentials(
    tmp_path, monkeypatch, program
):
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "program")
    printed = '{"Version": 1, "AccessKeyId": "AKIA5", "SecretAccessKey": "five"}'
    (tmp_path / "keys").write_text(printed)
    config.write_text(f"[profile program]\ncredential_process = cat {tmp_path / 'keys'}\n")
    assert boto3_session("eu-central-1").get_credentials().access_key == "AKIA5"
    config.write_text(f"[profile program]\ncredential_process = {program}\n")
    with pytest.raises(CredentialRetrievalError, match="retrieving credentials from"):
        boto3_session("eu-central-1")
