"""Which credentials a refused request was made with, and how to get others."""

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from tools.aws_error import aws_sentence, credential_source, is_about_credentials

VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
CONFIGURATION = """\
[profile keys]
region = eu-central-1

[profile sso]
sso_session = company
sso_account_id = 111111111111
sso_role_name = operator

[profile console]
login_session = arn:aws:iam::111111111111:user/operator

[profile program]
credential_process = /usr/bin/keys

[profile role]
role_arn = arn:aws:iam::111111111111:role/deployment
source_profile = sso

[profile machine]
role_arn = arn:aws:iam::111111111111:role/deployment
credential_source = Ec2InstanceMetadata
"""


@pytest.fixture
def configure(tmp_path, monkeypatch):
    """Write the AWS configuration, and set variables of the process environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def write(configuration="", **variables):
        file.write_text(configuration)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return write


@pytest.mark.parametrize(
    ("profile", "name", "renewal"),
    [
        ("keys", 'the profile "keys"', "Write new keys with `aws configure --profile keys`."),
        ("sso", 'the profile "sso"', "Run `aws sso login --profile sso`."),
        ("console", 'the profile "console"', "Run `aws login --profile console`."),
        (
            "program",
            'the profile "program"',
            'Sign in to the program that is its credential_process in the profile "program".',
        ),
        (
            "role",
            (
                'the role arn:aws:iam::111111111111:role/deployment of the profile "role", which is assumed with the '
                'profile "sso"'
            ),
            "Run `aws sso login --profile sso`.",
        ),
        (
            "machine",
            'the role arn:aws:iam::111111111111:role/deployment of the profile "machine"',
            "Check that its source of credentials is there and that the role trusts it.",
        ),
        (
            "lost",
            'the profile "lost", which the AWS configuration does not have',
            "Write the name of one of its profiles into AWS_PROFILE.",
        ),
    ],
)
def test_a_profile_is_named_with_how_to_log_in(configure, profile, name, renewal):
    configure(CONFIGURATION, AWS_PROFILE=profile)
    source = credential_source()
    assert (source.name, source.renewal) == (name, renewal)


def test_keys_of_the_shell_come_before_a_profile(configure):
    configure(CONFIGURATION, AWS_PROFILE="sso", AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="x")
    source = credential_source()
    assert source.name == "the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    assert "unset these variables" in source.renewal


def test_the_default_profile_counts_without_a_name(configure):
    configure("[default]\nsso_start_url = https://company.example/start\n")
    assert credential_source().renewal == "Run `aws sso login --profile default`."


def test_a_role_of_a_token_or_of_a_container_is_named(configure, tmp_path):
    configure(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials")
    assert credential_source().name == "the role of this container"
    token = str(tmp_path / "token")
    role = "arn:aws:iam::111111111111:role/pipeline"
    configure(AWS_ROLE_ARN=role, AWS_WEB_IDENTITY_TOKEN_FILE=token)
    assert (
        credential_source().name
        == f"the role {role}, with the token in AWS_WEB_IDENTITY_TOKEN_FILE"
    )


def test_without_anything_a_machine_may_still_have_a_role(configure):
    configure()
    source = credential_source()
    assert source.name.startswith("the role of this machine if it has one")
    assert "`aws configure sso` writes one" in source.renewal


def test_a_configuration_that_cannot_be_read_is_no_traceback(configure):
    configure("[profile")
    assert credential_source().name == "an AWS configuration that cannot be read"


@pytest.mark.parametrize(
    "error",
    [
        NoCredentialsError(),
        ProfileNotFound(profile="sso"),
        ClientError({"Error": {"Code": "ExpiredToken", "Message": "Old."}}, "GetCallerIdentity"),
    ],
)
def test_an_error_of_credentials_says_where_they_come_from(configure, error):
    configure(CONFIGURATION, AWS_PROFILE="sso")
    assert is_about_credentials(error)
    assert aws_sentence(error).endswith(
        'Credentials of AWS come from the profile "sso" here. Run `aws sso login --profile sso`. Then run the command '
        "again."
    )


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sts.eu-central-1.amazonaws.com"),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "GetRole"),
    ],
)
def test_another_error_says_nothing_of_them(configure, error):
    configure(CONFIGURATION, AWS_PROFILE="sso")
    assert not is_about_credentials(error)
    assert "come from" not in aws_sentence(error)
