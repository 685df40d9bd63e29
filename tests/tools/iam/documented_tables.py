"""The tables in AWS's documentation that say which requests match a policy, row by row.

The pages are below https://docs.aws.amazon.com/IAM/latest/UserGuide/. A row is a context that matches the
condition, or one that does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.tools.iam.documented import APP, GUIDE, DocumentedRule
from tools.iam.evaluator import Request
from tools.iam.policy import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

Context = dict[str, "str | tuple[str, ...]"]

OPERATORS = f"{GUIDE}reference_policies_elements_condition_operators.html"
SETS = f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html"
EXAMPLES = f"{GUIDE}reference_policies_condition_examples-multi-valued-context-keys.html"
VARIABLES = f"{GUIDE}reference_policies_variables.html"


def table(
    page: str,
    rule: str,
    condition: Mapping[str, Any],
    matches: list[Context],
    misses: list[Context],
    *,
    effect: str = "Allow",
) -> DocumentedRule:
    """Return the rows of a table; a request that matches a Deny is refused, and all others are allowed."""
    statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}
    everything = {"Action": "*", "Resource": "*"}
    return _rule(
        page,
        rule,
        (statement,) if effect == "Allow" else (everything, statement),
        *((matches, misses) if effect == "Allow" else (misses, matches)),
    )


def _rule(
    page: str,
    rule: str,
    statements: tuple[dict[str, Any], ...],
    allowed: list[Context],
    refused: list[Context],
    *,
    resource: str = "arn:aws:s3:::bucket/key",
) -> DocumentedRule:
    def requests(contexts: list[Context]) -> tuple[Request, ...]:
        caller = {"aws:PrincipalArn": APP.policy_arn, "aws:PrincipalAccount": APP.account}
        return tuple(
            Request("s3:GetObject", resource, {**context, **caller}, APP) for context in contexts
        )

    return DocumentedRule(
        page, rule, Kind.IDENTITY, statements, requests(allowed), requests(refused)
    )


def keys(*names: str) -> Context:
    """Return the context of a request with these tag keys."""
    return {"aws:TagKeys": names}


JOB = "aws:PrincipalTag/job-category"
ENVIRONMENT = "aws:RequestTag/environment"
ENVIRONMENT_TAG = {
    "StringEqualsIgnoreCase": {ENVIRONMENT: ["preprod", "storage"]},
    "ForAnyValue:StringEquals": {"aws:TagKeys": "environment"},
}
DELETABLE = {"aws:TagKeys": ["environment", "cost-center"]}
SOURCES = "logs:LogGeneratingResourceArns"
# As the page has them, with the colons in the wrong place; a * matches within its part all the same.
DISTRIBUTION = "arn:aws::cloudfront:123456789012:distribution/"
TOPIC = "arn:aws:sns:us-west-2:123456789012:TOPIC-ID"
TEAM = "${aws:PrincipalTag/Team}"

DOCUMENTED_TABLES = (
    table(
        f"{OPERATORS}#Conditions_String",
        "StringEquals of a principal's tag",
        {"StringEquals": {JOB: "iamuser-admin"}},
        [{JOB: "iamuser-admin"}],
        [{JOB: "dev-ops"}, {}],
    ),
    table(
        f"{OPERATORS}#Conditions_String",
        "StringLike with a policy variable",
        {"StringLike": {"aws:RequestTag/prefix": ["home/${aws:userid}/"]}},
        [
            {"aws:RequestTag/prefix": f"home/{name}/", "aws:userid": name}
            for name in ("martha_rivera", "nikki_wolf")
        ],
        [
            {"aws:RequestTag/prefix": "home/martha_rivera/"},
            {"aws:RequestTag/prefix": "home/martha_rivera/", "aws:userid": "nikki_wolf"},
        ],
    ),
    table(
        f"{OPERATORS}#Conditions_String",
        "ForAnyValue beside an operator that ignores case",
        ENVIRONMENT_TAG,
        [
            {**keys("environment"), ENVIRONMENT: "preprod"},
            {**keys("environment", "costcenter"), ENVIRONMENT: "PreProd"},
        ],
        [
            {**keys("Environment"), "aws:RequestTag/Environment": "preprod"},
            {**keys("costcenter"), ENVIRONMENT: "preprod"},
            {ENVIRONMENT: "storage"},
            keys("environment"),
            {},
        ],
    ),
    table(
        f"{OPERATORS}#Conditions_Numeric",
        "NumericLessThanEquals of s3:max-keys",
        {"NumericLessThanEquals": {"s3:max-keys": "10"}},
        [{"s3:max-keys": "10"}, {"s3:max-keys": "1"}],
        [{"s3:max-keys": "11"}, {}],
    ),
    table(
        f"{OPERATORS}#Conditions_Date",
        "DateGreaterThan of temporary credentials",
        {"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"}},
        [{"aws:TokenIssueTime": "2020-01-01T00:00:02Z"}],
        [
            {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"},
            {"aws:TokenIssueTime": "2019-12-31T00:00:00Z"},
            {},
        ],
    ),
    table(
        f"{OPERATORS}#Conditions_Date",
        "a date in epoch (UNIX) time",
        {"DateLessThan": {"aws:CurrentTime": "1767225600"}},
        [{"aws:CurrentTime": "2025-12-31T23:59:59Z"}, {"aws:CurrentTime": "1767225599"}],
        [{"aws:CurrentTime": "2026-01-01T00:00:00Z"}, {"aws:CurrentTime": "1767225600"}, {}],
    ),
    table(
        f"{OPERATORS}#Conditions_Boolean",
        "a Deny without transport security",
        {"Bool": {"aws:SecureTransport": "false"}},
        [{"aws:SecureTransport": "false"}],
        [{"aws:SecureTransport": "true"}, {}],
        effect="Deny",
    ),
    table(
        f"{OPERATORS}#Conditions_BinaryEquals",
        "BinaryEquals byte for byte",
        {"BinaryEquals": {"s3:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}},
        [{"s3:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}],
        [{"s3:key": "ASIAIOSFODNN7EXAMPLE"}, {}],
    ),
    table(
        f"{OPERATORS}#Conditions_IPAddress",
        "IpAddress of one range",
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        [{"aws:SourceIp": "203.0.113.1"}],
        [{"aws:SourceIp": "198.51.100.1"}, {"aws:SourceVpce": "vpce-1"}],
    ),
    table(
        f"{OPERATORS}#Conditions_IPAddress",
        "every IPv4 address is in 0.0.0.0/0, and no IPv6 address is",
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        [{"aws:SourceIp": "203.0.113.1"}, {"aws:SourceIp": "255.255.255.255"}],
        [{"aws:SourceIp": "2001:db8::1"}, {"aws:SourceVpce": "vpce-1"}],
    ),
    table(
        f"{OPERATORS}#Conditions_ARN",
        "ArnEquals of the topic that sends",
        {"ArnEquals": {"aws:SourceArn": TOPIC}},
        [{"aws:SourceArn": TOPIC}],
        [{"aws:SourceArn": TOPIC.replace("123456789012", "777788889999")}, {}],
    ),
    table(
        f"{OPERATORS}#Conditions_ARN",
        "ForAllValues of ARNs",
        {"ForAllValues:ArnLike": {SOURCES: [f"{DISTRIBUTION}*", f"{DISTRIBUTION}support*"]}},
        [
            {SOURCES: (f"{DISTRIBUTION}costcenter",)},
            {SOURCES: (f"{DISTRIBUTION}costcenter", f"{DISTRIBUTION}support2025")},
            {},
            {SOURCES: ()},
            {SOURCES: ("",)},
        ],
        [{SOURCES: (f"{DISTRIBUTION.replace('123456789012', '777788889999')}costcenter",)}],
    ),
    table(
        f"{OPERATORS}#Conditions_IfExists",
        "IfExists of an instance type",
        {"StringLikeIfExists": {"ec2:InstanceType": ["t1.*", "t2.*", "m3.*"]}},
        [{"ec2:InstanceType": "t1.micro"}, {}],
        [{"ec2:InstanceType": "m2.micro"}],
    ),
    table(
        f"{OPERATORS}#Conditions_IfExists",
        "a negated IfExists in a Deny denies without the key",
        {"StringNotEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}},
        [{}, {"aws:RequestedRegion": "us-east-1"}],
        [{"aws:RequestedRegion": "eu-west-1"}],
        effect="Deny",
    ),
    table(
        f"{OPERATORS}#Conditions_Null",
        "Null false requires temporary credentials",
        {"Null": {"aws:TokenIssueTime": "false"}},
        [{"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}],
        [{}],
    ),
    # The page's table of ForAllValues:StringNotLike names a match of the path, not of the condition.
    table(
        f"{OPERATORS}#Conditions_String-wildcard",
        "a boundary of organizational units",
        {"ForAllValues:StringNotLike": {"aws:ResourceOrgPaths": ["o/r/media/", "o/r/sports/*"]}},
        [{"aws:ResourceOrgPaths": ("o/r/media/costcenter/",)}, {}],
        [{"aws:ResourceOrgPaths": ("o/r/sports/costcenter/",)}],
        effect="Deny",
    ),
    table(
        f"{SETS}#reference_policies_condition-multi-valued-context-keys",
        "ForAllValues with Null",
        {"ForAllValues:StringEquals": DELETABLE, "Null": {"aws:TagKeys": "false"}},
        [keys("environment"), keys("cost-center"), keys("environment", "cost-center")],
        [keys("environment", "dept"), {}],
    ),
    table(
        f"{SETS}#reference_policies_condition-multi-valued-context-keys",
        "ForAnyValue",
        {"ForAnyValue:StringEquals": DELETABLE},
        [
            keys("environment"),
            keys("cost-center"),
            keys("environment", "cost-center"),
            keys("environment", "dept"),
        ],
        [keys("dept"), {}],
    ),
    table(
        f"{SETS}#reference_policies_condition-multi-valued-context-keys",
        "ForAnyValue in a Deny does not match without the key, even with IfExists",
        {"ForAnyValue:StringNotEqualsIfExists": {"aws:TagKeys": "environment"}},
        [keys("dept"), keys("environment", "dept")],
        [keys("environment"), {}],
        effect="Deny",
    ),
    table(
        f"{EXAMPLES}#reference_policies_condition_examples-multi-valued-context-keys-1",
        "a Deny of ForAllValues with one value",
        {"ForAllValues:StringNotLike": {"aws:TagKeys": "key1*"}},
        [keys("key2:audit"), {}],
        [keys("key1:legal"), keys("key1:hr", "key1:personnel")],
        effect="Deny",
    ),
    table(
        f"{EXAMPLES}#reference_policies_condition_examples-multi-valued-context-keys-1",
        "a Deny of ForAllValues with several values",
        {"ForAllValues:StringNotLike": {"aws:TagKeys": ["key1*", "key2*"]}},
        [keys("key3:legal"), {}],
        [keys("key1:legal"), keys("key1:hr", "key1:personnel"), keys("key1:hr", "key2:audit")],
        effect="Deny",
    ),
    table(
        f"{EXAMPLES}#reference_policies_condition_examples-multi-valued-context-keys-2",
        "a Deny of ForAnyValue",
        {"ForAnyValue:StringEquals": {"aws:TagKeys": "webserver"}},
        [keys("webserver"), keys("environment", "webserver", "test")],
        [keys("environment", "test"), {}],
        effect="Deny",
    ),
    table(
        f"{VARIABLES}#policy-vars-no-value",
        "a Deny of StringNotEquals matches a variable without a value",
        {"StringNotEquals": {"s3:ExistingObjectTag/Team": TEAM}},
        [
            {"s3:ExistingObjectTag/Team": "red"},
            {"s3:ExistingObjectTag/Team": "red", "aws:PrincipalTag/Team": "blue"},
        ],
        [{"s3:ExistingObjectTag/Team": "red", "aws:PrincipalTag/Team": "red"}],
        effect="Deny",
    ),
    _rule(
        f"{VARIABLES}#policy-vars-default-values",
        "a default value of a variable in Resource",
        (
            {
                "Action": "*",
                "Resource": "arn:aws:s3:::demo-${aws:PrincipalTag/team, 'company-wide'}",
            },
        ),
        [{}, {"aws:PrincipalTag/team": "company-wide"}],
        [{"aws:PrincipalTag/team": "yellow"}],
        resource="arn:aws:s3:::demo-company-wide",
    ),
    _rule(
        f"{VARIABLES}#policy-vars-no-value",
        "a resource whose variable has no value matches nothing, and the others still match",
        (
            {"Action": "*", "Resource": "arn:aws:s3:::bucket/*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": [
                    "arn:aws:s3:::bucket/${aws:PrincipalTag/team}",
                    "arn:aws:s3:::bucket/x",
                ],
            },
        ),
        [{}, {"aws:PrincipalTag/team": "x"}],
        [{"aws:PrincipalTag/team": "key"}],
    ),
    _rule(
        f"{VARIABLES}#policy-vars-specialchars",
        "${*} is an asterisk",
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket/${*}*"},),
        [{}],
        [],
        resource="arn:aws:s3:::bucket/*x",
    ),
    _rule(
        f"{GUIDE}reference_policies_elements_resource.html",
        "a * stands for everything after it, slashes included, and a ? for one character",
        (
            {
                "Action": "*",
                "Resource": ["arn:aws:s3:::bucket/*/test/*", "arn:aws:s3:::bucket/ke?/a"],
            },
        ),
        [{}],
        [],
        resource="arn:aws:s3:::bucket/1/2/test/3/object.jpg",
    ),
)
