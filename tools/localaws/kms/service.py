"""KMS where moto differs from AWS: signatures of digests, answers that name the key by its ARN, new keys, and rotation.

https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from moto.kms import models as kms_models
from moto.kms.utils import generate_private_key

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend, kms_key
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.kms.utils import AbstractPrivateKey

    from tools.localaws.call import Call, Response

_KIND = {"CustomerMasterKeySpec", "KeySpec", "KeyUsage"}
_ROTATION_DAYS = 365  # where EnableKeyRotation names no period
_MAXIMUM_BYTES = 4096  # of a message with MessageType RAW
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


class Kms:
    """Answers CreateKey, the period of rotation, and signing keys; moto answers all other operations."""

    def __init__(self) -> None:
        kms_models.generate_private_key = _private_key  # type: ignore[assignment,attr-defined]
        self._rotation_days: dict[str, int] = {}  # by the key's ARN

    def answer(self, call: Call) -> Response | None:
        """Answer an operation that moto answers differently, or return None so that moto answers."""
        if call.service != "kms":
            return None
        if call.operation in ("EnableKeyRotation", "GetKeyRotationStatus"):
            return self._rotation(call)
        if call.operation == "CreateKey" and not _KIND & call.parameters.keys():
            return write_result(call, _symmetric_key(call))
        if call.operation not in ("GetPublicKey", "Sign"):
            return None
        key = _signing_key(call)
        result = _public_key(key) if call.operation == "GetPublicKey" else _signature(call, key)
        return write_result(call, result)

    def _rotation(self, call: Call) -> Response | None:
        """Remember or return the days between two rotations; moto checks the key, and enables the rotation."""
        key = kms_key(call.parameter("KeyId"), call.account, call.region)
        if key is None:
            return None
        if call.operation == "EnableKeyRotation":
            days = call.parameters.get("RotationPeriodInDays", _ROTATION_DAYS)
            self._rotation_days[key.arn] = int(days)
            return None
        result: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": key.key_rotation_status}
        if key.key_rotation_status:
            result["RotationPeriodInDays"] = self._rotation_days.get(key.arn, _ROTATION_DAYS)
        return write_result(call, result)


def _private_key(key_spec: str) -> AbstractPrivateKey | None:
    """Make no pair of keys for a symmetric key, where moto makes one that nothing uses in 100 ms."""
    return None if key_spec == "SYMMETRIC_DEFAULT" else generate_private_key(key_spec)


def _symmetric_key(call: Call) -> Mapping[str, Any]:
    """Create a key of the default kind; moto would leave its usage empty."""
    parameters = call.parameters
    key = backend("kms", call.account, call.region).create_key(
        policy=parameters.get("Policy"),
        key_usage="ENCRYPT_DECRYPT",
        key_spec="SYMMETRIC_DEFAULT",
        description=parameters.get("Description"),
        tags=parameters.get("Tags"),
        multi_region=parameters.get("MultiRegion", False),
        origin=parameters.get("Origin", "AWS_KMS"),
    )
    result: Mapping[str, Any] = key.to_dict()
    return result


def _signing_key(call: Call) -> Any:  # noqa: ANN401 - moto's key
    """Return the key that the call names; ServiceError unless it is there, enabled and signs."""
    reference = call.parameter("KeyId")
    key = kms_key(reference, call.account, call.region)
    if key is None:
        raise ServiceError("NotFoundException", f"Key '{reference}' does not exist")
    if key.key_usage != "SIGN_VERIFY":
        raise ServiceError(
            "InvalidKeyUsageException",
            f"{key.arn} key usage is {key.key_usage} which is not valid for {call.operation}.",
        )
    if not key.enabled:
        raise ServiceError("DisabledException", f"{key.arn} is disabled.")
    return key


def _public_key(key: Any) -> Mapping[str, Any]:  # noqa: ANN401 - moto's key
    return {
        "KeyId": key.arn,
        "KeySpec": key.key_spec,
        "KeyUsage": key.key_usage,
        "PublicKey": key.private_key.public_key(),
        "SigningAlgorithms": key.signing_algorithms,
    }


def _signature(call: Call, key: Any) -> Mapping[str, Any]:  # noqa: ANN401 - moto's key
    algorithm, message = call.parameter("SigningAlgorithm"), call.parameters["Message"]
    if algorithm not in key.signing_algorithms:
        raise ServiceError(
            "InvalidKeyUsageException",
            f"Algorithm {algorithm} and key spec {key.key_spec} do not match.",
        )
    hash_algorithm = _HASHES[algorithm.rpartition("_")[2]]
    is_digest = call.parameter("MessageType") == "DIGEST"
    if is_digest and len(message) != hash_algorithm.digest_size:
        raise ServiceError("ValidationException", f"Digest is invalid length for {algorithm}.")
    if len(message) > _MAXIMUM_BYTES:
        raise ServiceError(
            "ValidationException",
            "1 validation error detected: Value at 'message' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MAXIMUM_BYTES}",
        )
    hashed = utils.Prehashed(hash_algorithm) if is_digest else hash_algorithm
    private_key = key.private_key.private_key
    if algorithm.startswith("ECDSA"):
        signature = private_key.sign(message, ec.ECDSA(hashed))
    elif algorithm.startswith("RSASSA_PSS"):
        # The salt is as long as the digest:
        # https://docs.aws.amazon.com/kms/latest/developerguide/asymmetric-key-specs.html
        pss = padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size)
        signature = private_key.sign(message, pss, hashed)
    else:
        signature = private_key.sign(message, padding.PKCS1v15(), hashed)
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm}
