"""The Bedrock client of both handlers to compare with: the role is assumed once, at the cold start."""

from __future__ import annotations

import json
import os

import boto3

settings = json.loads(os.environ["TENANT_BEDROCK"])
model = settings["models"]["claude"]["model"]
region = os.environ["AWS_REGION"]
_keys = boto3.client("sts", region_name=region).assume_role(
    RoleArn=settings["role_arn"],
    ExternalId=settings["external_id"],
    RoleSessionName=settings["tenant"],
)["Credentials"]
client = boto3.client(
    "bedrock-runtime",
    region_name=region,
    aws_access_key_id=_keys["AccessKeyId"],
    aws_secret_access_key=_keys["SecretAccessKey"],
    aws_session_token=_keys["SessionToken"],
)
