"""KMS: a key's own policy decides, and identity policies only where it lets the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.moto_state import backends, find_key
from tools.localaws.permission import Asked, Check, Values, resource_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYLESS = frozenset(
    {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
)


def kms(asked: Asked) -> Iterator[Check]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/control-access-overview.html."""
    call = asked.call
    action = f"kms:{call.operation}"
    if call.operation in _KEYLESS:
        yield Check(action, "*", call.account)
        return
    if call.operation in ("CreateAlias", "DeleteAlias", "UpdateAlias"):
        yield Check(action, asked.arn("kms", asked.parameter("AliasName")), call.account)
    named = asked.parameter("KeyId", "TargetKeyId", "SourceKeyId")
    if call.operation == "DeleteAlias":
        named = asked.parameter("AliasName")
    if not named and call.operation in ("Decrypt", "ReEncrypt"):
        named = _key_of_ciphertext(call.parameters.get("CiphertextBlob"))
    if call.operation == "ReEncrypt":
        yield _key_check(asked, "kms:ReEncryptFrom", named, "SourceEncryptionContext")
        destination = asked.parameter("DestinationKeyId")
        yield _key_check(asked, "kms:ReEncryptTo", destination, "DestinationEncryptionContext")
    else:
        yield _key_check(asked, action, named, "EncryptionContext")


def _key_check(asked: Asked, action: str, named: str, encryption_context: str) -> Check:
    call = asked.call
    key = find_key(named, call.account, call.region)
    if key is None:
        owner = named.split(":")[4] if named.count(":") >= 5 else call.account
        return Check(action, named if named.startswith("arn:") else "*", owner)
    pairs = call.parameters.get(encryption_context) or {}
    context: Values = {f"kms:EncryptionContext:{name}": str(value) for name, value in pairs.items()}
    if pairs:
        context["kms:EncryptionContextKeys"] = tuple(pairs)
    return Check(
        action,
        key.arn,
        key.account_id,
        context=context | {"kms:CallerAccount": call.account} | _key_tags(key),
        resource_policy=key.policy,
        resource_policy_name=f"key policy of {key.id}",
        policy_required=True,
    )


def _key_tags(key: Any) -> Values:  # noqa: ANN401
    """https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html."""
    state = backends("kms")[key.account_id][key.region]
    return resource_tags(state.list_resource_tags(key.id)["Tags"])


def _key_of_ciphertext(blob: Any) -> str:  # noqa: ANN401
    """Moto writes the key's id (36 characters) at the head of what it encrypts."""
    return bytes(blob)[:36].decode("ascii", errors="replace") if blob else ""
