"""Messages that AWS's services publish on a topic, if its policy admits them."""

from __future__ import annotations

import json

from tools.iam.evaluator import Request, Requester
from tools.iam.policy import Kind
from tools.localaws.authorizer import allows_service
from tools.localaws.moto_state import backend

# Who publishes by AWS's own policy of a new topic, whose condition is not evaluated here; others need one of the
# topic's owner: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
_ADMITTED_BY_DEFAULT = frozenset({"cloudwatch.amazonaws.com"})


def publish_as_service(
    service: str, source_arn: str, topic_arn: str, message: str, subject: str | None = None
) -> None:
    """Publish for a source, such as an alarm, to a topic of its Region.

    Raises LookupError if there is no such topic, or if its policy does not allow it.
    """
    source_region, source_account = source_arn.split(":")[3:5]
    region, account = topic_arn.split(":")[3:5]
    topic = backend("sns", account, region).topics.get(topic_arn)
    if topic is None or region != source_region:
        raise LookupError(f"There is no topic {topic_arn} in the Region of {source_arn}.")
    context = {
        "aws:PrincipalIsAWSService": "true",
        "aws:SourceAccount": source_account,
        "aws:SourceArn": source_arn,
    }
    request = Request("sns:Publish", topic_arn, context, Requester(service=service))
    if not (
        _admits_by_default(service, topic.policy, is_own=account == source_account)
        or allows_service(topic.policy, f"policy of {topic_arn}", Kind.RESOURCE, request)
    ):
        raise LookupError(
            f"The policy of {topic_arn} does not allow {service} to publish for {source_arn}."
        )
    topic.publish(message, subject=subject)


def _admits_by_default(service: str, policy: str, *, is_own: bool) -> bool:
    is_default = json.loads(policy).get("Id") == "__default_policy_ID"
    return is_default and is_own and service in _ADMITTED_BY_DEFAULT
