"""Invoke the Lambda function that Terraform made, and print its answer or its error."""

import json
import sys

import boto3

function_name, prompt = sys.argv[1:]
response = boto3.client("lambda").invoke(
    FunctionName=function_name, Payload=json.dumps({"prompt": prompt})
)
answer = json.load(response["Payload"])

if "FunctionError" in response:
    sys.exit(f"{answer['errorType']}: {answer['errorMessage']}")
print(answer["answer"])
