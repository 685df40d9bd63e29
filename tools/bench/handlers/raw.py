"""The fastest handler to compare with: boto3 without LangChain.

The role is assumed and the clients are created once, at the cold start. Each call is written to the
record log group as one plain event.
"""

import json
import os
import time

import boto3
from stopwatch import timed

SETTINGS = json.loads(os.environ["TENANT_BEDROCK"])
MODEL = SETTINGS["models"]["claude"]["model"]
GROUP, STREAM = SETTINGS["record_log_group"], os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

keys = boto3.client("sts").assume_role(
    RoleArn=SETTINGS["role_arn"],
    ExternalId=SETTINGS["external_id"],
    RoleSessionName=SETTINGS["tenant"],
)["Credentials"]
bedrock = boto3.client(
    "bedrock-runtime",
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
)
logs = boto3.client("logs")
logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)


def answer(event, context):
    """Answer one prompt, whole or as a stream that is read to its end; return the number of chunks."""
    request = {
        "modelId": MODEL,
        "messages": [{"role": "user", "content": [{"text": event["prompt"]}]}],
    }
    if event.get("stream"):
        chunks = [
            part["contentBlockDelta"]["delta"]["text"]
            for part in bedrock.converse_stream(**request)["stream"]
            if "contentBlockDelta" in part
        ]
    else:
        chunks = [bedrock.converse(**request)["output"]["message"]["content"][0]["text"]]
    message = json.dumps({"prompt": event["prompt"], "answer": "".join(chunks)})
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=STREAM,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": message}],
    )
    return len(chunks)


handler = timed(answer)
