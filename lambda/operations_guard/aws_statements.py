"""What no configuration shows, and only AWS says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AwsStatement:
    """A sentence of AWS on which the promise rests, with the page that states it."""

    sentence: str
    page: str


STATEMENTS = (
    AwsStatement(
        "With the mode none, Bedrock stores neither prompts nor answers.",
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetAccountDataRetention.html",
    ),
    AwsStatement(
        "Bedrock gives prompts and answers to no provider of a model and trains no model with them.",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/data-protection.html",
    ),
    AwsStatement(
        "CloudTrail's events of calls hold neither prompts nor answers.",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html",
    ),
    AwsStatement(
        "CloudWatch's metrics of Bedrock are counts and times.",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring.html",
    ),
    AwsStatement(
        "An SCP applies to every principal of the account, and cannot be avoided there.",
        "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
    ),
)
