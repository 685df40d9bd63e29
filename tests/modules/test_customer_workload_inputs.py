import pytest


@pytest.fixture(scope="module")
def root(rules):
    return rules("customer-workload")


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"architecture": "x86_64", "memory_size": 128, "retention_days": 1, "timeout": 1},
        {"memory_size": 10240, "retention_days": 3653, "timeout": 1800, "reserved_concurrency": 0},
        {
            "readers": ["arn:aws:iam::999999999999:role/aws-reserved/sso.amazonaws.com/Audit_1a"],
            "trusted_accounts": ["999999999999"],
            "unmaskers": ["arn:aws:iam::222222222222:user/bedrock-prod-acme-reader"],
        },
        {"environment": "e" * 16, "tenant": "t" * 29},
        {"vpc": {"security_group_ids": ["sg-1"], "subnet_ids": ["subnet-1"]}},
        {"package_path": "missing.zip", "state": "offboarding"},
        {"audit": "required", "content": "hashed", "masking": ["EmailAddress", "Ssn-US"]},
        {"unmaskers": ["arn:aws:iam::222222222222:role/lead"]},
    ],
    ids=lambda value: str(value)[:60],
)
def test_accepts(root, inputs, good):
    assert root.accepts(**{**inputs, **good})


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"account_id": "22222222222"},
            (
                "account_id is 12 digits in quotes (a number without them loses its leading zero), "
                "not 22222222222."
            ),
        ),
        (
            {"models": {"claude": {"model": None, "regions": ["eu-central-1"]}}},
            "The inference profile of claude does not exist yet; apply the operations account for this tenant first.",
        ),
        ({"audit": "always"}, 'audit is "best-effort" or "required", not "always".'),
        ({"content": "none"}, 'content is "full", "metadata" or "hashed", not "none".'),
        ({"masking": ["email"]}, 'such as "EmailAddress" or "BankAccountNumber-DE", not email.'),
        (
            {"unmaskers": ["*"]},
            "An unmasker is the full ARN of one user or role, without a wildcard",
        ),
        (
            {"unmaskers": ["arn:aws:iam::111111111111:role/curious"]},
            "An unmasker cannot be in the operations account 111111111111",
        ),
        ({"architecture": "arm"}, 'architecture is "arm64" or "x86_64", not "arm".'),
        (
            {"memory_size": 127},
            "memory_size is a whole number of MB from 128 to 10240, not 127.",
        ),
        ({"memory_size": 10241}, "from 128 to 10240, not 10241."),
        ({"memory_size": 512.5}, "memory_size is a whole number of MB"),
        (
            {"operations_role": {"arn": "arn:aws:iam::111111111111:role/*", "external_id": "x"}},
            (
                "operations_role.arn is the ARN of one role, as `make handover` prints it, not "
                "arn:aws:iam::111111111111:role/*."
            ),
        ),
        (
            {"operations_role": {"arn": "acme", "external_id": "x"}},
            "operations_role.arn is the ARN of one role, as `make handover` prints it, not acme.",
        ),
        (
            {"package_path": "missing.zip"},
            "There is no zip at missing.zip; build it with `make package` first.",
        ),
        (
            {"readers": ["arn:aws:iam::222222222222:role/*"]},
            (
                "A reader is the full ARN of one user or role, without a wildcard, not "
                "arn:aws:iam::222222222222:role/*."
            ),
        ),
        ({"readers": ["*"]}, "without a wildcard, not *."),
        (
            {"readers": ["arn:aws:iam::222222222222:root"]},
            "A reader is the full ARN of one user or role",
        ),
        (
            {"readers": ["arn:aws:iam::111111111111:role/curious"]},
            (
                "A reader cannot be in the operations account 111111111111, which must never see a "
                "customer's records."
            ),
        ),
        *(
            (
                {"readers": [arn], "trusted_accounts": ["999999999999"]},
                (
                    "A reader is in the account 222222222222, or in an account of the same partition that "
                    f"trusted_accounts lists, not {arn}."
                ),
            )
            for arn in (
                "arn:aws:iam::333333333333:user/auditor",
                "arn:aws-cn:iam::222222222222:user/auditor",
            )
        ),
        (
            {"unmaskers": ["arn:aws:iam::333333333333:user/auditor"]},
            "An unmasker is in the account 222222222222, or in an account of the same partition",
        ),
        (
            {
                "readers": ["arn:aws:iam::222222222222:role/bedrock-prod-acme-execution"],
                "unmaskers": ["arn:aws:iam::222222222222:role/x/bedrock-prod-globex-reader"],
            },
            (
                "A reader is not a role of a workload, as which a function or a reader acts; remove "
                "arn:aws:iam::222222222222:role/bedrock-prod-acme-execution."
            ),
        ),
        (
            {"unmaskers": ["arn:aws:iam::222222222222:role/x/bedrock-prod-globex-reader"]},
            "An unmasker is not a role of a workload",
        ),
        (
            {"trusted_accounts": ["9999"]},
            "trusted_accounts lists account ids of 12 digits in quotes, not 9999.",
        ),
        (
            {"reserved_concurrency": -1},
            "reserved_concurrency is a whole number of 0 or more; leave it out for no limit. It cannot be -1.",
        ),
        ({"reserved_concurrency": 1.5}, "reserved_concurrency is a whole number"),
        (
            {"retention_days": 364},
            (
                "retention_days is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, "
                "731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653, not 364."
            ),
        ),
        ({"retention_days": 0}, "not 0."),
        (
            {"environment": "e" * 16, "tenant": "t" * 30},
            (
                f"IAM allows 64 characters in a role name, and bedrock-{'e' * 16}-{'t' * 30}-execution has "
                "more; shorten tenant by 1."
            ),
        ),
        ({"timeout": 0}, "timeout is a whole number of seconds from 1 to 1800, not 0;"),
        ({"timeout": 1801}, "from 1 to 1800, not 1801;"),
        (
            {"vpc": {"security_group_ids": [], "subnet_ids": ["subnet-1"]}},
            (
                "vpc needs at least one security group and one subnet; leave vpc out to run outside a "
                "VPC."
            ),
        ),
        (
            {"vpc": {"security_group_ids": ["sg-1"], "subnet_ids": []}},
            "vpc needs at least one security group and one subnet",
        ),
        (
            {
                "vpc": {
                    "id": "subnet-1",
                    "security_group_ids": ["sg-1"],
                    "subnet_ids": ["subnet-1"],
                }
            },
            "vpc.id is the id of a VPC, such as vpc-0123456789abcdef0, not subnet-1.",
        ),
        (
            {"state": "gone"},
            'state is "active", "suspended" or "offboarding", not "gone".',
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refuses(root, inputs, bad, sentence):
    assert sentence in root.refuses(**{**inputs, **bad})


NOVA = {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}
VPC = {"security_group_ids": ["sg-1"], "subnet_ids": ["subnet-1"]}
ROLE = {
    "arn": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
    "external_id": "269170463fdc32af10a91e67a8fd77bd",
}
GUARDRAIL = {
    "arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc",
    "version": "1",
}


@pytest.mark.parametrize(
    ("null", "sentence"),
    [
        ({"operations_role": {**ROLE, "arn": None}}, "operations_role.arn is the ARN of one role"),
        ({"operations_role": {**ROLE, "external_id": None}}, "operations_role.external_id has 16"),
        ({"operations_role": {**ROLE, "external_id": "short"}}, "operations_role.external_id has"),
        ({"guardrail": {**GUARDRAIL, "arn": None}}, "guardrail has the arn and the version"),
        ({"guardrail": {**GUARDRAIL, "version": None}}, "guardrail has the arn and the version"),
        ({"models": {"nova": None}}, "A model has at least one Region"),
        ({"models": {"nova": {**NOVA, "regions": None}}}, "A model has at least one Region"),
        ({"models": {"nova": {**NOVA, "regions": [None]}}}, "null is neither a Region"),
        ({"models": {"nova": {**NOVA, "fallbacks": [None]}}}, "null is neither a Region"),
        (
            {"readers": [None]},
            "A reader is the full ARN of one user or role, without a wildcard, not null.",
        ),
        ({"unmaskers": [None]}, "without a wildcard, not null."),
        ({"masking": [None]}, 'such as "EmailAddress" or "BankAccountNumber-DE", not null.'),
        ({"vpc": {**VPC, "subnet_ids": None}}, "vpc needs at least one security group"),
        ({"vpc": {**VPC, "subnet_ids": [None]}}, "None of them can be null."),
        ({"vpc": {**VPC, "security_group_ids": ["sg-1", None]}}, "None of them can be null."),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refuses_a_null_with_a_sentence_and_no_other_error(root, inputs, null, sentence):
    refusal = root.refuses(**{**inputs, **null})
    assert sentence in refusal
    assert refusal.count("Error: ") == refusal.count("Error: Invalid value for variable") == 1
