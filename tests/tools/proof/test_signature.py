"""A signed certificate, verified with the commands that docs/explanation/isolation-proof.md prints."""

import subprocess
from datetime import UTC, datetime

import boto3
import pytest

from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.isolation.certificate import Provenance, Report
from tools.localaws.local_aws import LocalAws
from tools.paths import ROOT
from tools.proof.folder import write_certificate
from tools.proof.signature import signing_key

LOCAL = load_environment("local")
PAGE = ROOT / "docs" / "explanation" / "isolation-proof.md"
VERIFY = [
    line for line in PAGE.read_text().splitlines() if line.startswith(("openssl ", "sha256sum "))
]
PROVENANCE = Provenance(
    "c0ffee",
    is_modified=True,
    tfvars_sha256="0" * 64,
    code_sha256="0" * 64,
    terraform=("1.11.4",),
    providers={},
)


@pytest.fixture(scope="module")
def connect():
    with LocalAws() as cloud:

        def kms(account):
            keys = cloud.control.account(account)
            return boto3.client(
                "kms",
                endpoint_url=cloud.url,
                region_name="eu-central-1",
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
            )

        yield kms


@pytest.fixture(scope="module")
def kms(connect):
    return connect(LOCAL.operations_account_id)


def create_key(kms, spec="ECC_NIST_P256", usage="SIGN_VERIFY"):
    return kms.create_key(KeyUsage=usage, KeySpec=spec)["KeyMetadata"]["Arn"]


def verified(folder):
    assert len(VERIFY) == 2
    runs = [
        subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, check=False)
        for line in VERIFY
    ]
    return [run.returncode == 0 for run in runs]


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_3072"])
def test_a_signed_certificate_is_verified_offline_and_an_altered_one_is_not(kms, tmp_path, spec):
    kms.create_alias(AliasName=f"alias/proof-{spec}", TargetKeyId=create_key(kms, spec))
    key = signing_key(LOCAL, kms, f"alias/proof-{spec}")
    report = Report(
        "local", "nothing", (), (), 0.0, datetime.now(UTC), PROVENANCE, signing_key=key.arn
    )
    markdown = write_certificate(tmp_path, report, key)
    assert verified(tmp_path) == [True, True]
    text = markdown.read_text()
    assert f"| signed with | {key.arn} |" in text
    assert "| commit | `c0ffee`, with uncommitted changes |" in text
    markdown.write_text(text.replace("NOT PROVED", "Proved"))
    assert verified(tmp_path) == [True, False]
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("a", "b"))
    assert verified(tmp_path)[0] is False


def test_refuses_a_key_that_cannot_sign_the_certificate(kms, connect):
    for key, sentence in (
        ("alias/none", "cannot be signed with alias/none"),
        (create_key(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), "whose usage is SIGN_VERIFY"),
        (create_key(kms, "ECC_NIST_P384"), "does not sign with ECDSA_SHA_256"),
    ):
        with pytest.raises(CommandError, match=sentence):
            signing_key(LOCAL, kms, key)
    elsewhere = connect("222222222222")
    with pytest.raises(
        CommandError, match="is of the account 222222222222; sign with a key of the"
    ):
        signing_key(LOCAL, elsewhere, create_key(elsewhere))
