"""Signatures of the local AWS's asymmetric KMS keys, checked by a library that is not KMS."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.tools.localaws.aws import OPERATIONS, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

MESSAGE = b"what was proved"
SHA256 = hashes.SHA256()


@pytest.fixture
def kms(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("kms", local_aws.control.account(OPERATIONS))


def test_a_message_and_its_digest_have_signatures_that_verify_the_message(kms: Any) -> None:
    for spec, algorithm, scheme in (
        ("ECC_NIST_P256", "ECDSA_SHA_256", [ec.ECDSA(SHA256)]),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", [padding.PKCS1v15(), SHA256]),
        ("RSA_2048", "RSASSA_PSS_SHA_256", [padding.PSS(padding.MGF1(SHA256), 32), SHA256]),
    ):
        arn = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"]
        answer = kms.get_public_key(KeyId=arn.rpartition("/")[2])
        assert (answer["KeyId"], answer["KeySpec"]) == (arn, spec)
        public_key: Any = load_der_public_key(answer["PublicKey"])
        for kind, message in (("RAW", MESSAGE), ("DIGEST", hashlib.sha256(MESSAGE).digest())):
            signed = kms.sign(
                KeyId=arn, Message=message, MessageType=kind, SigningAlgorithm=algorithm
            )
            assert signed["KeyId"] == arn
            public_key.verify(signed["Signature"], MESSAGE, *scheme)


def test_refuses_what_kms_does_not_sign(kms: Any) -> None:
    def sign(key: str, message: bytes = MESSAGE, **options: str) -> tuple[str, str]:
        options = {"SigningAlgorithm": "ECDSA_SHA_256", **options}
        return refusal(kms.sign, KeyId=key, Message=message, **options)

    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    encrypting = kms.create_key()["KeyMetadata"]["KeyId"]
    assert sign(encrypting)[0] == "InvalidKeyUsageException"
    assert sign(key, SigningAlgorithm="ECDSA_SHA_384")[0] == "InvalidKeyUsageException"
    assert sign(key, b"x" * 4097)[0] in ("ValidationException", "ParamValidationError")
    assert sign(key, b"short", MessageType="DIGEST")[0] == "ValidationException"
    kms.disable_key(KeyId=key)
    assert sign(key)[0] == "DisabledException"


def test_a_key_without_a_kind_is_symmetric_and_encrypts(kms: Any) -> None:
    created = kms.create_key(Tags=[{"TagKey": "tenant", "TagValue": "acme"}])["KeyMetadata"]
    described = kms.describe_key(KeyId=created["KeyId"])["KeyMetadata"]
    for metadata in (created, described):
        assert metadata["KeyUsage"] == "ENCRYPT_DECRYPT"
        assert metadata["KeySpec"] == "SYMMETRIC_DEFAULT"
    tags = kms.list_resource_tags(KeyId=created["KeyId"])["Tags"]
    assert tags == [{"TagKey": "tenant", "TagValue": "acme"}]
    ciphertext = kms.encrypt(KeyId=created["KeyId"], Plaintext=MESSAGE)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=ciphertext)["Plaintext"] == MESSAGE
