"""Messages that AWS's services publish on a topic, if its policy admits them."""

from __future__ import annotations

import json

from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.localaws.moto_state import backend


def publish_as_service(
    service: str, source_arn: str, topic_arn: str, subject: str, message: str
) -> bool:
    """Publish, and return whether the topic exists and admits the service for this source.

    AWS's own policy of a new topic admits whatever acts for the topic's owner, by a condition that is not evaluated
    here: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    region, account = topic_arn.split(":")[3:5]
    topic = backend("sns", account, region).topics.get(topic_arn)
    source_account = source_arn.split(":")[4]
    if topic is None:
        return False
    if _is_default(topic.policy):
        admits = source_account == account
    else:
        context = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_account}
        request = Request("sns:Publish", topic_arn, context, Requester(service=service))
        policy = parse_policy(topic.policy, "policy of the topic", Kind.RESOURCE)
        admits = evaluate([policy], request).allowed
    if admits:
        topic.publish(message, subject=subject)
    return admits


def _is_default(policy: str) -> bool:
    return bool(json.loads(policy).get("Id") == "__default_policy_ID")
