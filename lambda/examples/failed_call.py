"""Find the record of a call that failed, by a run id of your own."""

from uuid import uuid4

from botocore.exceptions import ClientError

from tenant_bedrock import Receipt, connect

connection = connect()


def ask(question: str) -> str | Receipt | None:
    """Return the answer, or the receipt of the failed call."""
    run_id = uuid4()
    try:
        return str(connection.chat("claude").invoke(question, {"run_id": run_id}).text)
    except ClientError:
        return connection.receipt(run_id)
