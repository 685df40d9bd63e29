"""No record at all: the role assumed once and converse called; what a record's cost is added to."""

from __future__ import annotations

import json
import os

import boto3

settings = json.loads(os.environ["TENANT_BEDROCK"])
region = os.environ["AWS_REGION"]
keys = boto3.client("sts", region_name=region).assume_role(
    RoleArn=settings["role_arn"],
    ExternalId=settings["external_id"],
    RoleSessionName=settings["tenant"],
)["Credentials"]
client = boto3.client(
    "bedrock-runtime",
    region_name=region,
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
)


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Answer a prompt."""
    answer = client.converse(
        modelId=settings["models"]["claude"]["model"],
        messages=[{"role": "user", "content": [{"text": event["prompt"]}]}],
    )
    return {"answer": answer["output"]["message"]["content"][0]["text"]}
