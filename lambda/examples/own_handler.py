"""A Lambda handler of your own, whose records are delivered within the invocation's time."""

from tenant_bedrock import connect
from tenant_bedrock.invocation import LambdaContext

connection = connect()  # once per execution environment: it holds the role's keys for an hour


def handler(event: dict[str, str], context: LambdaContext) -> str:
    """Answer the question in the event."""
    with connection.invocation(context):
        return str(connection.chat("claude").invoke(event["question"]).text)
