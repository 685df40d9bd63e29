"""The usual handler to compare with: LangChain, with all its packages and without bytecode.

Each invocation assumes the role and creates its clients and its model anew, as most examples do.
"""

import json
import os
import time

import boto3
from langchain_aws import ChatBedrockConverse
from stopwatch import timed

SETTINGS = json.loads(os.environ["TENANT_BEDROCK"])
MODEL = SETTINGS["models"]["claude"]["model"]
GROUP = SETTINGS["record_log_group"]


def answer(event, context):
    """Answer one prompt, whole or as a stream that is read to its end; return the number of chunks."""
    keys = boto3.client("sts").assume_role(
        RoleArn=SETTINGS["role_arn"],
        ExternalId=SETTINGS["external_id"],
        RoleSessionName=SETTINGS["tenant"],
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
    """Find the sequence token and put the record, as older examples do."""
    logs = boto3.client("logs")
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)
    token = None
    if streams["logStreams"]:
        token = streams["logStreams"][0].get("uploadSequenceToken")
    else:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(record)}],
        **({"sequenceToken": token} if token else {}),
    )


handler = timed(answer)
