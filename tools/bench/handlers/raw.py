"""The least there can be: boto3, no LangChain, keys and clients made once, the call written down."""

import json
import os
import time

import boto3

TOLD = json.loads(os.environ["TENANT_BEDROCK"])
MODEL = TOLD["models"]["claude"]["model"]
GROUP, STREAM = TOLD["record_log_group"], os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

keys = boto3.client("sts").assume_role(
    RoleArn=TOLD["role_arn"], ExternalId=TOLD["external_id"], RoleSessionName=TOLD["tenant"]
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
    """Answer one prompt, whole or as a stream that is read to its end; returns how many chunks."""
    asked = {
        "modelId": MODEL,
        "messages": [{"role": "user", "content": [{"text": event["prompt"]}]}],
    }
    if event.get("stream"):
        chunks = [
            part["contentBlockDelta"]["delta"]["text"]
            for part in bedrock.converse_stream(**asked)["stream"]
            if "contentBlockDelta" in part
        ]
    else:
        chunks = [bedrock.converse(**asked)["output"]["message"]["content"][0]["text"]]
    message = json.dumps({"prompt": event["prompt"], "answer": "".join(chunks)})
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=STREAM,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": message}],
    )
    return len(chunks)


def handler(event, context):
    """Answer as often as is asked, and say how many milliseconds each time took."""
    took = []
    for _ in range(event.get("times", 1)):
        started = time.perf_counter()
        chunks = answer(event, context)
        took.append((time.perf_counter() - started) * 1000)
    return {"chunks": chunks, "took": took}
