"""LangChain on Lambda as the pattern is usually written: a role, a client and a model per invocation."""

import json
import os
import time

import boto3
from langchain_aws import ChatBedrockConverse

TOLD = json.loads(os.environ["TENANT_BEDROCK"])
MODEL = TOLD["models"]["claude"]["model"]
GROUP = TOLD["record_log_group"]


def answer(event, context):
    """Answer one prompt, whole or as a stream that is read to its end; returns how many chunks."""
    keys = boto3.client("sts").assume_role(
        RoleArn=TOLD["role_arn"], ExternalId=TOLD["external_id"], RoleSessionName=TOLD["tenant"]
    )["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    model = ChatBedrockConverse(model=MODEL, client=session.client("bedrock-runtime"))
    if event.get("stream"):
        chunks = [chunk.text for chunk in model.stream(event["prompt"])]
    else:
        chunks = [model.invoke(event["prompt"]).text]
    write(context.log_stream_name, {"prompt": event["prompt"], "answer": "".join(chunks)})
    return len(chunks)


def write(stream, record):
    """As the examples of years have it: find the sequence token, then put."""
    logs = boto3.client("logs")
    found = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)["logStreams"]
    if not found:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    token = found[0].get("uploadSequenceToken") if found else None
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(record)}],
        **({"sequenceToken": token} if token else {}),
    )


def handler(event, context):
    """Answer as often as is asked, and say how many milliseconds each time took."""
    took = []
    for _ in range(event.get("times", 1)):
        started = time.perf_counter()
        chunks = answer(event, context)
        took.append((time.perf_counter() - started) * 1000)
    return {"chunks": chunks, "took": took}
