"""CloudWatch Logs: the limits of PutLogEvents, KMS keys of log groups, groups by ARN."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.tools.localaws.aws import ACME, OPERATIONS, document, refusal
from tools.localaws.call import ServiceError
from tools.localaws.logs.limits import AcceptedBatch, accept

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

GROUP = "/bedrock/local/acme/records"
GROUP_ARN = f"arn:aws:logs:eu-central-1:{ACME}:log-group:{GROUP}"
NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def event(time_ms: int = NOW, message: str = "m") -> dict[str, Any]:
    return {"timestamp": time_ms, "message": message}


def put(*events: dict[str, Any], retention_days: int | None = None) -> AcceptedBatch:
    return accept(events, now=NOW, retention_days=retention_days)


def why_refused(*events: dict[str, Any]) -> str:
    with pytest.raises(ServiceError) as refused:
        put(*events)
    assert refused.value.code == "InvalidParameterException"
    return refused.value.message


def test_accepts_an_event_that_fills_the_batch() -> None:
    assert len(put(event(message="x" * 1_048_550)).events) == 1


def test_refuses_a_batch_one_byte_too_large() -> None:
    assert why_refused(event(message="x" * 1_048_551)) == (
        "Upload too large: 1048577 bytes exceeds limit of 1048576"
    )


def test_counts_bytes_of_utf_8_and_26_for_each_event() -> None:
    half = 1_048_576 // 2 - 26
    put(event(message="é" * (half // 2)), event(message="x" * half))
    assert "1048577 bytes" in why_refused(
        event(message="é" * (half // 2)), event(message="x" * (half + 1))
    )


def test_accepts_at_most_ten_thousand_events() -> None:
    assert len(put(*[event()] * 10_000).events) == 10_000
    assert "10000" in why_refused(*[event()] * 10_001)


def test_refuses_an_empty_batch_and_an_empty_message() -> None:
    assert "logEvents" in why_refused()
    assert "message" in why_refused(event(message=""))


def test_requires_events_in_order() -> None:
    assert len(put(event(NOW), event(NOW), event(NOW + 1)).events) == 3
    assert "chronological order" in why_refused(event(NOW + 1), event(NOW))


def test_accepts_a_span_of_at_most_24_hours() -> None:
    assert len(put(event(NOW - DAY), event(NOW)).events) == 2
    assert "24 hours" in why_refused(event(NOW - DAY - 1), event(NOW))


def test_rejected_events_do_not_count_for_the_span() -> None:
    assert len(put(event(NOW - 15 * DAY), event(NOW)).events) == 1


@pytest.mark.parametrize(
    ("times", "stored", "rejected"),
    [
        ([NOW - 14 * DAY], 1, {}),
        ([NOW - 14 * DAY - 1], 0, {"tooOldLogEventEndIndex": 1}),
        ([NOW - 20 * DAY, NOW - 15 * DAY, NOW], 1, {"tooOldLogEventEndIndex": 2}),
        ([NOW + 2 * HOUR], 1, {}),
        ([NOW + 2 * HOUR + 1], 0, {"tooNewLogEventStartIndex": 0}),
        ([NOW, NOW + 3 * HOUR, NOW + 4 * HOUR], 1, {"tooNewLogEventStartIndex": 1}),
        (
            [NOW - 15 * DAY, NOW, NOW + 3 * HOUR],
            1,
            {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2},
        ),
    ],
)
def test_rejects_events_by_their_time_with_the_right_indexes(
    times: list[int], stored: int, rejected: dict[str, int]
) -> None:
    accepted = put(*[event(time_ms) for time_ms in times])
    assert (len(accepted.events), accepted.rejected) == (stored, rejected)


def test_rejects_events_older_than_the_groups_retention() -> None:
    times = (NOW - 15 * DAY, NOW - 3 * DAY - 1, NOW - 3 * DAY)
    accepted = put(*[event(time_ms) for time_ms in times], retention_days=3)
    assert len(accepted.events) == 1
    assert accepted.rejected == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2}


# --- through the API ---


@pytest.fixture
def logs(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("logs", local_aws.control.account(ACME))


@pytest.fixture
def stream(logs: Any) -> dict[str, str]:
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    return {"logGroupName": GROUP, "logStreamName": "s"}


def now() -> int:
    return int(time.time() * 1000)


def test_reports_rejects_inside_a_success(logs: Any, stream: dict[str, str]) -> None:
    events = [event(now() - 15 * DAY, "old"), event(now(), "new")]
    answer = logs.put_log_events(**stream, logEvents=events)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    (stored,) = logs.get_log_events(**stream)["events"]
    assert stored["message"] == "new"


def test_requires_an_existing_group_and_stream(logs: Any, stream: dict[str, str]) -> None:
    events = [event(now())]
    logs.put_log_events(**stream, logEvents=events)
    for missing in ({"logGroupName": "other"}, {"logStreamName": "other"}):
        code, _ = refusal(logs.put_log_events, **{**stream, **missing}, logEvents=events)
        assert code == "ResourceNotFoundException"


def test_reads_by_name_by_arn_and_by_term(logs: Any, stream: dict[str, str]) -> None:
    logs.put_log_events(**stream, logEvents=[event(now(), "apple"), event(now(), "pear")])
    assert len(logs.filter_log_events(logGroupIdentifier=GROUP_ARN)["events"]) == 2
    events = logs.filter_log_events(logGroupName=GROUP, filterPattern="pear")["events"]
    assert [event["message"] for event in events] == ["pear"]
    pattern = '{ $.a = "b" }'
    code, _ = refusal(logs.filter_log_events, logGroupName=GROUP, filterPattern=pattern)
    assert code == "InvalidParameterException"


def test_reads_a_group_by_its_arn(logs: Any, stream: dict[str, str]) -> None:
    logs.create_log_group(logGroupName="other")
    logs.create_log_stream(logGroupName="other", logStreamName="s")
    logs.put_log_events(logGroupName="other", logStreamName="s", logEvents=[event(now(), "other")])
    logs.put_log_events(**stream, logEvents=[event(now(), "mine")])
    (stored,) = logs.get_log_events(logGroupIdentifier=GROUP_ARN, logStreamName="s")["events"]
    assert stored["message"] == "mine"


def test_refuses_another_accounts_group(
    local_aws: LocalAws, connect: Connect, logs: Any, stream: dict[str, str]
) -> None:
    outsider = connect("logs", local_aws.control.account(OPERATIONS))
    logs.filter_log_events(logGroupIdentifier=GROUP_ARN)
    for read in (outsider.filter_log_events, outsider.describe_log_streams):
        assert refusal(read, logGroupIdentifier=GROUP_ARN)[0] == "AccessDeniedException"
    by_arn = {"logGroupIdentifier": GROUP_ARN, "logStreamName": "s"}
    assert refusal(outsider.get_log_events, **by_arn)[0] == "AccessDeniedException"
    query = {"startTime": 0, "endTime": 1, "queryString": "fields @message"}
    refused = refusal(outsider.start_query, logGroupIdentifiers=[GROUP_ARN], **query)
    assert refused[0] == "AccessDeniedException"
    assert refusal(outsider.get_log_events, **stream)[0] == "ResourceNotFoundException"


def test_keeps_class_tags_retention_and_data_protection(logs: Any) -> None:
    logs.create_log_group(logGroupName=GROUP, logGroupClass="INFREQUENT_ACCESS", tags={"a": "b"})
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
    logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=masking())
    (group,) = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert group["logGroupClass"] == "INFREQUENT_ACCESS"
    assert group["retentionInDays"] == 30
    assert group["dataProtectionStatus"] == "ACTIVATED"
    assert logs.list_tags_for_resource(resourceArn=GROUP_ARN)["tags"] == {"a": "b"}
    policy = logs.get_data_protection_policy(logGroupIdentifier=GROUP)["policyDocument"]
    assert policy == masking()
    logs.delete_data_protection_policy(logGroupIdentifier=GROUP)
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier=GROUP)


# --- data protection ---


def masking(audit: str = "EmailAddress", deidentify: str = "EmailAddress") -> str:
    """A data protection policy with both statements that CloudWatch requires, with equal identifiers."""
    arn = "arn:aws:dataprotection::aws:data-identifier/"
    operations: list[tuple[str, dict[str, Any]]] = [
        (audit, {"Audit": {"FindingsDestination": {}}}),
        (deidentify, {"Deidentify": {"MaskConfig": {}}}),
    ]
    statements = [
        {"Sid": str(number), "DataIdentifier": [arn + name], "Operation": operation}
        for number, (name, operation) in enumerate(operations)
    ]
    return json.dumps({"Name": "mask", "Version": "2021-06-01", "Statement": statements})


def write(logs: Any, message: str) -> None:
    """Write one event to the stream ``s`` of the group; create group and stream if necessary."""
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=GROUP)
    if not logs.describe_log_streams(logGroupName=GROUP)["logStreams"]:
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    logs.put_log_events(
        logGroupName=GROUP, logStreamName="s", logEvents=[event(int(time.time() * 1000), message)]
    )


def test_masks_events_written_after_the_policy(logs: Any) -> None:
    write(logs, "before: ann@example.com")
    time.sleep(0.01)
    logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=masking())
    write(logs, "after: ann@example.com")

    for events in (
        logs.filter_log_events(logGroupName=GROUP)["events"],
        logs.get_log_events(logGroupName=GROUP, logStreamName="s", startFromHead=True)["events"],
    ):
        messages = [event["message"] for event in events]
        assert messages == ["before: ann@example.com", "after: ***************"]


def test_only_an_unmasker_reads_masked_data(
    local_aws: LocalAws, connect: Connect, logs: Any
) -> None:
    logs.create_log_group(logGroupName=GROUP)
    logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=masking())
    write(logs, "ann@example.com")
    read = {"Sid": "Read", "Action": "logs:FilterLogEvents", "Resource": "*"}
    unmask = {"Sid": "Unmask", "Action": "logs:Unmask", "Resource": f"{GROUP_ARN}:*"}
    reader = connect("logs", local_aws.control.account(ACME, "reader", [document(read)]))
    unmasker = connect(
        "logs", local_aws.control.account(ACME, "unmasker", [document(read, unmask)])
    )

    (masked,) = reader.filter_log_events(logGroupName=GROUP)["events"]
    assert masked["message"] == "*" * 15
    with pytest.raises(ClientError, match="logs:Unmask"):
        reader.filter_log_events(logGroupName=GROUP, unmask=True)
    (plain,) = unmasker.filter_log_events(logGroupName=GROUP, unmask=True)["events"]
    assert plain["message"] == "ann@example.com"


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ("{}", "is not a data protection policy"),
        (masking(deidentify="IpAddress"), "must have the same data identifiers"),
        (masking("Name", "Name"), "The local AWS masks CreditCardNumber, EmailAddress"),
    ],
)
def test_refuses_a_policy_that_would_not_mask(logs: Any, policy: str, sentence: str) -> None:
    logs.create_log_group(logGroupName=GROUP)

    with pytest.raises(ClientError, match=sentence):
        logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=policy)


# --- keys ---


def key_policy(group_arn: str, region: str = "eu-central-1") -> str:
    """The account administers the key; CloudWatch Logs uses it for one group."""
    return json.dumps(
        document(
            {
                "Principal": {"AWS": f"arn:aws:iam::{ACME}:root"},
                "Action": ["kms:Describe*", "kms:Disable*", "kms:Enable*", "kms:PutKeyPolicy"],
                "Resource": "*",
            },
            {
                "Principal": {"Service": f"logs.{region}.amazonaws.com"},
                "Action": ["kms:Decrypt*", "kms:Encrypt*", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group_arn}},
            },
        )
    )


@pytest.fixture
def kms(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("kms", local_aws.control.account(ACME))


def test_encrypts_a_group_with_a_key_whose_policy_allows_it(logs: Any, kms: Any) -> None:
    key = kms.create_key(Policy=key_policy(GROUP_ARN))["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName=GROUP, kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key


@pytest.mark.parametrize(
    "policy",
    [
        key_policy(GROUP_ARN + "-2"),
        key_policy(GROUP_ARN, region="eu-west-1"),
        json.dumps(document({"Principal": {"AWS": ACME}, "Action": "kms:*", "Resource": "*"})),
    ],
)
def test_refuses_a_key_that_cloudwatch_may_not_use_for_the_group(
    logs: Any, kms: Any, policy: str
) -> None:
    key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    code, message = refusal(logs.create_log_group, logGroupName=GROUP, kmsKeyId=key)
    assert code == "AccessDeniedException"
    assert message.endswith(f"is not allowed to be used with Arn '{GROUP_ARN}'")
    assert logs.describe_log_groups()["logGroups"] == []


def test_refuses_a_key_that_does_not_exist(logs: Any) -> None:
    missing = f"arn:aws:kms:eu-central-1:{ACME}:key/00000000-0000-0000-0000-000000000000"
    code, _ = refusal(logs.create_log_group, logGroupName=GROUP, kmsKeyId=missing)
    assert code == "AccessDeniedException"


def test_neither_writes_nor_reads_while_the_key_is_disabled(logs: Any, kms: Any) -> None:
    key = kms.create_key(Policy=key_policy(GROUP_ARN))["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName=GROUP, kmsKeyId=key)
    where = {"logGroupName": GROUP, "logStreamName": "s"}
    logs.create_log_stream(**where)
    logs.put_log_events(**where, logEvents=[event(now())])
    kms.disable_key(KeyId=key.partition("/")[2])
    write = refusal(logs.put_log_events, **where, logEvents=[event(now())])
    assert write[0] == refusal(logs.get_log_events, **where)[0] == "AccessDeniedException"
    kms.enable_key(KeyId=key.partition("/")[2])
    assert len(logs.get_log_events(**where)["events"]) == 1


def test_changes_the_key_of_a_group_in_place(logs: Any, kms: Any) -> None:
    logs.create_log_group(logGroupName=GROUP)
    good, bad = (
        kms.create_key(Policy=key_policy(arn))["KeyMetadata"]["Arn"]
        for arn in (GROUP_ARN, GROUP_ARN + "-2")
    )
    assert refusal(logs.associate_kms_key, logGroupName=GROUP, kmsKeyId=bad)[0] == (
        "AccessDeniedException"
    )
    logs.associate_kms_key(logGroupName=GROUP, kmsKeyId=good)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == good
    logs.disassociate_kms_key(logGroupName=GROUP)
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
