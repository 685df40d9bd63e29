"""The usual way to write records, to compare with: a callback and a logging handler.

The role is assumed and the clients are created once, at the cold start. LangChain's callback writes
to watchtower, which sends in the background. It is flushed before the function returns, which many
functions omit.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import boto3
import watchtower
from langchain_aws import ChatBedrockConverse
from langchain_core.callbacks import BaseCallbackHandler

settings = json.loads(os.environ["TENANT_BEDROCK"])
keys = boto3.client("sts").assume_role(
    RoleArn=settings["role_arn"],
    ExternalId=settings["external_id"],
    RoleSessionName=settings["tenant"],
)["Credentials"]
session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
client = session.client("bedrock-runtime")
sender = watchtower.CloudWatchLogHandler(
    log_group_name=settings["record_log_group"],
    log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
    create_log_group=False,
    boto3_client=boto3.client("logs"),
)
log = logging.getLogger("records")
log.setLevel(logging.INFO)
log.propagate = False
log.addHandler(sender)


class Records(BaseCallbackHandler):
    """Logs each prompt with its answer or its error."""

    def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:  # noqa: ANN401, ARG002, D102
        self.prompt = messages[0][0].content

    def on_llm_end(self, response: Any, **_: Any) -> None:  # noqa: ANN401, D102
        log.info(json.dumps({"prompt": self.prompt, "answer": response.generations[0][0].text}))

    def on_llm_error(self, error: BaseException, **_: Any) -> None:  # noqa: ANN401, D102
        log.info(json.dumps({"prompt": self.prompt, "error": str(error)}))


chat = ChatBedrockConverse(
    client=client,
    bedrock_client=client,
    model=settings["models"]["claude"]["model"],
    callbacks=[Records()],
)


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Answer a prompt."""
    try:
        return {"answer": chat.invoke(event["prompt"]).text}
    finally:
        sender.flush()
