"""KMS permissions: a key's policy decides, and identity policies only where it delegates to the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.moto_state import backend, kms_key
from tools.localaws.permission import ContextKeys, Permission, resource_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

_KEYLESS = frozenset(
    {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
)


def kms_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a KMS call: on its key or keys, and on its alias.

    https://docs.aws.amazon.com/kms/latest/developerguide/control-access-overview.html
    """
    action = f"kms:{call.operation}"
    if call.operation in _KEYLESS:
        yield Permission(action, "*", call.account)
        if call.operation == "CreateKey" and call.parameters.get("Tags"):
            # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
            yield Permission("kms:TagResource", "*", call.account)
        return
    if call.operation in ("CreateAlias", "DeleteAlias", "UpdateAlias"):
        yield Permission(action, call.arn("kms", call.parameter("AliasName")), call.account)
    key = call.parameter("KeyId", "TargetKeyId", "SourceKeyId")
    if call.operation == "DeleteAlias":
        key = call.parameter("AliasName")
    if not key and call.operation in ("Decrypt", "ReEncrypt"):
        key = _key_of_ciphertext(call.parameters.get("CiphertextBlob"))
    if call.operation == "ReEncrypt":
        yield _key_permission(call, "kms:ReEncryptFrom", key, "SourceEncryptionContext")
        destination = call.parameter("DestinationKeyId")
        yield _key_permission(call, "kms:ReEncryptTo", destination, "DestinationEncryptionContext")
    else:
        yield _key_permission(call, action, key, "EncryptionContext")


def _key_permission(call: Call, action: str, reference: str, encryption_context: str) -> Permission:
    key = kms_key(reference, call.account, call.region)
    if key is None:
        owner = reference.split(":")[4] if reference.count(":") >= 5 else call.account
        return Permission(action, reference if reference.startswith("arn:") else "*", owner)
    pairs = call.parameters.get(encryption_context) or {}
    context: ContextKeys = {
        f"kms:EncryptionContext:{name}": str(value) for name, value in pairs.items()
    }
    if pairs:
        context["kms:EncryptionContextKeys"] = tuple(pairs)
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    context |= {
        f"kms:{name}": call.parameter(name)
        for name in ("MessageType", "SigningAlgorithm")
        if call.parameters.get(name)
    }
    if alias := _alias(reference):
        context["kms:RequestAlias"] = alias
    return Permission(
        action,
        key.arn,
        key.account_id,
        context=context | {"kms:CallerAccount": call.account} | _key_tags(key),
        resource_policy=key.policy,
        resource_policy_name=f"key policy of {key.id}",
        policy_required=True,
    )


def _alias(reference: str) -> str:
    """The alias by which a request names a key, or an empty text.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-request-alias
    """
    name = reference.rpartition(":")[2]
    return name if name.startswith("alias/") else ""


def _key_tags(key: Any) -> ContextKeys:  # noqa: ANN401
    """The key's tags: https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html."""
    kms = backend("kms", key.account_id, key.region)
    return resource_tags(kms.list_resource_tags(key.id)["Tags"])


def _key_of_ciphertext(blob: Any) -> str:  # noqa: ANN401
    """The key id (36 characters) that moto writes at the start of each ciphertext."""
    return bytes(blob)[:36].decode("ascii", errors="replace") if blob else ""
