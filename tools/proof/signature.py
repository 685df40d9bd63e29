"""Signs a certificate with a KMS key of the operations account, so that anyone can check it offline."""

from __future__ import annotations

import base64
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.environment.model import Environment

# Algorithms whose signatures `openssl dgst -sha256 -verify` reads without further options.
# https://docs.aws.amazon.com/kms/latest/developerguide/asymmetric-key-specs.html
ALGORITHMS = ("ECDSA_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256")


@dataclass(frozen=True)
class SigningKey:
    """An asymmetric KMS key; the private half never leaves KMS."""

    kms: Any  # boto3's client
    arn: str
    algorithm: str
    public_key: str  # in PEM (RFC 7468)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message of at most 4,096 bytes, as openssl reads it.

        https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
        """
        with _errors(self.arn):
            answer = self.kms.sign(
                KeyId=self.arn, Message=message, MessageType="RAW", SigningAlgorithm=self.algorithm
            )
        return bytes(answer["Signature"])


def signing_key(environment: Environment, kms: Any, key: str) -> SigningKey:  # noqa: ANN401 - boto3's client
    """Return the key that ``key`` names by its id, ARN or alias.

    Raises CommandError if it cannot be read, is of another account or signs with another algorithm.
    """
    with _errors(key):
        answer = kms.get_public_key(KeyId=key)
    account = answer["KeyId"].split(":")[4]
    if account != environment.operations_account_id:
        raise CommandError(
            f"The key {key} is of the account {account}; sign with a key of the operations account "
            f"{environment.operations_account_id}."
        )
    algorithms = [name for name in ALGORITHMS if name in answer.get("SigningAlgorithms", ())]
    if not algorithms:
        raise CommandError(
            f"The key {key} does not sign with {' or '.join(ALGORITHMS)}; make one with "
            "`aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256`."
        )
    encoded = base64.b64encode(answer["PublicKey"]).decode()
    lines = "\n".join(textwrap.wrap(encoded, 64))
    pem = f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
    return SigningKey(kms, answer["KeyId"], algorithms[0], pem)


@contextmanager
def _errors(key: str) -> Iterator[None]:
    """Turn an error of KMS into a sentence about the key."""
    try:
        yield
    except ClientError as error:
        raise CommandError(
            f"The certificate cannot be signed with {key}: {error.response['Error']['Message']}. The "
            "caller needs kms:GetPublicKey and kms:Sign on an asymmetric key whose usage is SIGN_VERIFY."
        ) from None
