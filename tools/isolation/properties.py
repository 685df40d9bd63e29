"""The properties that a proof establishes, with their assumptions, their code and their mutants.

`make docs` writes docs/explanation/properties.md from this table, the certificate quotes it, and
tests/tools/isolation/test_properties.py holds it: each mutant exists and is refuted by the property.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """One property: a sentence, and where to look for what it rests on."""

    name: str
    statement: str
    topics: tuple[str, ...]  # of the claims and faults that report a violation
    code: tuple[str, ...]  # the modules that check it
    mutants: tuple[str, ...]  # changes of a plan or of a policy that the property refutes
    assumptions: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The paths of the code that checks it."""
        return tuple(f"tools/isolation/{module}.py" for module in self.code)


IAM = "IAM evaluates policies as its documentation describes; `tools/isolation/encode.py` is our reading."
CALLERS = "Every caller is an AWS service, or a user, role or federated user whose ARN has a 12-digit account ID."
SOURCES = "A request has `aws:SourceVpce` if it comes through a VPC endpoint, and `aws:SourceIp` if it does not."
BEDROCK = "Bedrock sets `bedrock:InferenceProfileArn` and `aws:ResourceTag` as documented."
PROVIDER = "The provider creates what the plan says, with the arguments that the plan shows."
CODE = "The zip contains what was reviewed: the plan has its name and its hash, and a build can be repeated."
UNKNOWN = "An argument that is known only after apply refers to one resource of the plan; `STATE=1` proves it later."
ACCOUNTS = (
    "The stanzas list each tenant's accounts correctly; nothing in AWS says whose an account is."
)

PROPERTIES = (
    Property(
        "Exact trust",
        "Each role can be assumed by exactly the principals of its stanza: a tenant's role by its execution roles, "
        "with one of its ExternalIds and its name as session name; a reader's or unmasker's role by those listed.",
        topics=("trust",),
        code=("claims", "operations_specification", "customer_specification", "encode"),
        mutants=(
            "a key need only be present",
            "a value may have any suffix",
            "one more value is allowed",
            "another account's root replaces the principal",
        ),
        assumptions=(IAM, CALLERS),
    ),
    Property(
        "Exact permissions",
        "Each role allows exactly what its stanza grants, in all services and Regions, and nothing if it is not "
        "active; so no role can enable the logging of prompts, start a batch job, read a stored answer, make or "
        "change a project, or write to other storage.",
        topics=("permissions",),
        code=("claims", "operations_specification", "customer_specification", "encode"),
        mutants=(
            "logging of prompts is allowed",
            "batch jobs are allowed",
            "stored answers may be read",
            "projects may be created",
            "another project is allowed",
            "any Region is allowed",
            "a statement allows storage",
            "everything but its actions is allowed",
        ),
        assumptions=(IAM, SOURCES, BEDROCK),
    ),
    Property(
        "Separate tenants",
        "No two tenants share an account that is not listed for it, a caller, an ExternalId or a role, so that no "
        "tenant can assume another's role.",
        topics=("separation", "account"),
        code=("claims",),
        mutants=(
            "two tenants have one ExternalId",
            "two tenants' deployers have one ExternalId",
            "two tenants have one account",
            "a previous ExternalId is another tenant's",
            "the operations account is a customer account",
        ),
        assumptions=(ACCOUNTS,),
    ),
    Property(
        "Named principals",
        "Nobody whom a stanza names, under any key, belongs to another tenant, nor to an account outside the tenant's "
        "own unless the stanza lists it in `trusted_accounts`. Only users and roles of the operations account deploy.",
        topics=("principals",),
        code=("principals",),
        mutants=(
            "a reader is another tenant's user",
            "an unmasker is another tenant's role",
            "a reader is in an account that nobody lists",
            "a trusted account is another tenant's",
            "a trusted account is the operations account",
            "a reader is the deployer",
            "a reader is the inspector",
            "a customer's role may assume the deployers",
            "a reader is the execution role of a tenant in the same account",
            "a reader is in another partition",
            "a reader is a whole account",
            "a permissions boundary is another tenant's",
            "a key that nobody knows names another tenant's account",
            "a perimeter has another tenant's VPC endpoint",
            "two tenants name one VPC",
            "a guardrail is in a customer account",
            "an event bus is another tenant's",
        ),
        assumptions=(ACCOUNTS,),
    ),
    Property(
        "Separate environments",
        "No two environments share an ExternalId or a state bucket, nor an account, a role, a principal or a network "
        "unless each of them lists it in `shared_between_environments`. `make prove ENV=all` compares the stanzas of "
        "all environments.",
        topics=(
            "shared ExternalId",
            "shared account",
            "shared role",
            "shared principal",
            "shared network",
            "shared state bucket",
        ),
        code=("separate_environments",),
        mutants=(
            "two environments have one ExternalId",
            "a previous ExternalId is used in another environment",
            "a deployer's ExternalId is a tenant's in another environment",
            "an ExternalId is listed as shared",
            "two environments have one operations account",
            "a customer account is in two environments",
            "a customer account is another environment's operations account",
            "a trusted account is another environment's customer account",
            "two environments trust one account",
            "one of two environments lists what they share",
            "one role deploys to an account for two environments",
            "a reader is a reader in another environment",
            "an unmasker is another environment's execution role",
            "a role is written in other letters",
            "a deployment principal deploys in two environments",
            "an administrator is one in two environments",
            "two environments have one VPC",
            "two environments have one VPC endpoint in their perimeters",
            "two environments have one state bucket",
        ),
        assumptions=(ACCOUNTS,),
    ),
    Property(
        "Own hand-over",
        "The hand-over of a tenant names its own role and has one of its own ExternalIds and no other tenant's. No "
        "output that Terraform prints has an ExternalId.",
        topics=("hand-over",),
        code=("claims",),
        mutants=(
            "a hand-over names another tenant's role",
            "a hand-over has another tenant's ExternalId",
            "a hand-over without a stanza",
            "a hand-over has another tenant's ExternalId in one more key",
            "a hand-over is known only after apply",
            "an output that Terraform prints has an ExternalId",
        ),
        assumptions=(ACCOUNTS,),
    ),
    Property(
        "Only reviewed resources",
        "A plan contains no resource of a type that is not listed. No listed type can store a prompt or an answer "
        "in the operations account, or give access to a function, a log or a key beside the policies above.",
        topics=("resource types",),
        code=("resource_specification", "resource_faults"),
        mutants=(
            "a function URL",
            "a permission to invoke the function",
            "a subscription to the records",
            "a grant of the key",
            "the plan makes a key of its own",
            "a resource policy of the logs",
            "an attached policy",
            "an event source of the function",
            "a bucket in the operations account",
            "a log of model invocations",
        ),
        assumptions=(PROVIDER,),
    ),
    Property(
        "Complete roles",
        "Each role exists once, under its name, without a path, for sessions of one hour at most, with the "
        "permissions boundary of its stanza, and with one inline policy, which is in the plan. An apply removes every "
        "other inline policy and detaches every attached one; at a tenant's role, to which the guard attaches its two "
        "policies, it is refused while another one is attached.",
        topics=("role", "plan"),
        code=("claims", "plan_reader", "resource_specification", "resource_faults"),
        mutants=(
            "a role that no stanza defines",
            "a role is missing",
            "two roles have one name",
            "a role has a path",
            "a session lasts twelve hours",
            "a permissions boundary is left out",
            "a role has another tenant's tag",
            "a trust policy is known only after apply",
            "a role has a second inline policy",
            "a role has no inline policy",
            "an inline policy has another name",
            "an inline policy is of another role",
            "an inline policy is known only after apply",
            "an inline policy stays while its role is created again",
            "a role is in another shard than its tenant's",
            "a role states a policy itself",
            "a role may keep a second inline policy",
            "nothing removes a second inline policy",
            "the names of the inline policies are known only after apply",
            "a policy is attached to a tenant's role",
            "the guard's role may keep an attached policy",
            "a role may keep an attached policy",
            "nothing detaches an attached policy",
        ),
        assumptions=(PROVIDER,),
    ),
    Property(
        "Own profiles",
        "Each model of a tracked alias, current or previous, has one inference profile with its tenant's tags and the "
        "model as source, and there is no other profile.",
        topics=("profile",),
        code=("resource_specification", "resource_faults"),
        mutants=(
            "a profile has another tenant's tag",
            "a profile copies another model",
            "a profile has no source",
            "two profiles have one name",
            "the profile of a previous model is missing",
            "the profile of a previous model copies the current one",
            "a profile that no stanza defines",
            "a profile has a tag that no stanza and no guard sets",
        ),
        assumptions=(PROVIDER, BEDROCK),
    ),
    Property(
        "Harmless guard",
        "The guard's roles can read counts, tags and configuration, write their counts, notify, and attach or detach "
        "two policies at tenants' roles, and nothing else: none can call a model, read a record, act as somebody else "
        "or write a policy. Each of the two policies allows nothing and denies exactly inference, so attaching one "
        "only takes away. The policy of its topic lets two services publish for its alarms and rules, and nobody else.",
        topics=("guard trust", "guard permissions", "guard reach", "guard denial", "guard topic"),
        code=("claims", "guard_specification", "guard_notifications", "encode"),
        mutants=(
            "the guard may call models",
            "the guard may read records",
            "the guard may act as somebody else",
            "the guard may write a policy",
            "the guard may write a version of a denial",
            "the guard may attach any policy",
            "the guard may attach a denial to any role",
            "the guard may attach a denial to its own role",
            "the guard may set another tag",
            "the guard may tag without a key",
            "the guard may write other parameters",
            "the guard may pass its role to Lambda",
            "the verification may turn invocation logging on",
            "the verification may write any metric",
            "the end of a lease may detach",
            "Scheduler may invoke any function",
            "events may be forwarded to any bus",
            "another account's rule may forward events",
            "any rule may publish to the topic",
            "anybody may publish to the topic",
            "the topic may be subscribed to by a service",
            "a customer may act as the guard",
            "another account's schedule may act as Scheduler's role",
            "a denial allows instead",
            "a denial lets streams pass",
            "a denial takes everything away",
            "the denial of an alias denies every alias",
        ),
        assumptions=(IAM, CALLERS, BEDROCK),
    ),
    Property(
        "Own guard",
        "What enforces the quotas exists once, if the environment has a guard: its functions from the zip of this "
        "repository, its log groups, its topic and alarms, the two policies, and a schedule for each shard that tells "
        "it the limits of the shard's tenants as the stanzas have them. Unless the environment has switched them off, "
        "the rules that tell the operator of access match exactly what is specified. They say names and codes of "
        "AWS's making and no text of a caller, to this topic alone.",
        topics=("guard",),
        code=(
            "guard_resources",
            "guard_notifications",
            "access_rules",
            "resource_specification",
            "resource_faults",
        ),
        mutants=(
            "a limit is another",
            "a limit is left out",
            "a tenant is left out of its schedule",
            "a price is another",
            "the schedule of the quotas is missing",
            "the schedule of the quotas is disabled",
            "the lease invokes another function",
            "the lease is missing",
            "a denial is missing",
            "a managed policy that no stanza defines",
            "an alarm tells nobody",
            "the topic admits others",
            "a rule about access is missing",
            "a rule about access is disabled",
            "a rule about access does not see read-only events",
            "a rule about access matches more",
            "a rule about access tells nobody",
            "a rule about access tells another account",
            "a sentence about access has what a caller wrote",
            "a sentence about access has the whole event",
            "a sentence about access is the event itself",
            "the events of IAM are not forwarded",
            "the events of IAM are forwarded to another account",
            "the topic has no policy of its own",
            "an environment without a guard has one",
        ),
        assumptions=(PROVIDER, CODE),
    ),
    Property(
        "Own function",
        "The function is the one of the stanza and runs as its execution role, from the zip of this repository, "
        "without layers, images or file systems, in the stanza's network, with the stanza's settings as its only "
        "environment variable.",
        topics=("function",),
        code=("resource_specification", "resource_faults"),
        mutants=(
            "the function runs as another role",
            "the function has a layer",
            "the code comes from a bucket",
            "the code comes from an image",
            "the zip is another file",
            "the zip that a variable names is another file",
            "the code has no hash",
            "the handler is another",
            "an environment variable is added",
            "the function takes another tenant's role",
            "the function records elsewhere",
            "records are best-effort instead of required",
            "the settings are known only after apply",
            "the function has a dead-letter queue",
            "the function mounts a file system",
            "the function is in other subnets",
            "the function logs to another group",
            "there are two functions",
            "the alias sends calls to another version",
            "a setting of which nobody has thought",
            "the guard runs as another role",
            "the guard's zip is another file",
        ),
        assumptions=(PROVIDER, CODE),
    ),
    Property(
        "Own log groups",
        "Both log groups exist with the stanza's retention, are encrypted with the workload's own key, and stay when "
        "the workload is destroyed. A plan deletes no log group with its events.",
        topics=("log group",),
        code=("resource_specification", "resource_faults"),
        mutants=(
            "a log group has no key",
            "a log group has another key",
            "a log group has another key than the customer's",
            "a log group's key is known only after apply",
            "the retention is shorter",
            "a log group is missing",
            "a log group that no stanza defines",
            "a log group is deleted with the workload",
            "a log group is deleted with its records",
        ),
        assumptions=(PROVIDER, UNKNOWN),
    ),
    Property(
        "Complete masking",
        "Both log groups mask every identifier of the stanza and no other, and report to nobody what they found.",
        topics=("masking",),
        code=("resource_specification", "resource_faults"),
        mutants=(
            "masking is left out",
            "masking covers one group only",
            "an identifier is left out",
            "masking is replaced by auditing",
            "findings are sent to a log group",
            "masking that no stanza asks for",
            "a masking policy is known only after apply",
        ),
        assumptions=(PROVIDER,),
    ),
    Property(
        "Confined key",
        "One key, which the customer has made for the tenant's alias, encrypts the log groups. It is enabled, is not "
        "scheduled for deletion, belongs to the customer's account and to one Region, and is not one of AWS's keys. "
        "`make deployer` proves the policy with which the customer makes it: only CloudWatch Logs can use it, and only "
        "for these groups; the account's principals can administer it but not use it, and the operations account "
        "cannot do either.",
        topics=("key",),
        code=("claims", "customer_specification", "resource_specification", "resource_faults"),
        mutants=(
            "the plan looks no key up",
            "the customer's key is disabled",
            "the customer's key is scheduled for deletion",
            "the customer's key is one of AWS",
            "the customer's key is in another account",
        ),
        assumptions=(IAM, CALLERS, PROVIDER),
    ),
    Property(
        "Confined endpoints",
        "Each VPC endpoint is in the stanza's network, has its policy, and accepts only calls by the execution role "
        "or by the tenant's role.",
        topics=("endpoint",),
        code=("claims", "customer_specification", "resource_specification", "resource_faults"),
        mutants=(
            "an endpoint is in another VPC",
            "an endpoint has another security group",
            "an endpoint for another service",
            "two endpoints for one service",
            "an endpoint is a gateway",
            "an endpoint is missing",
        ),
        assumptions=(IAM, CALLERS, PROVIDER),
    ),
    Property(
        "Reviewed code",
        "A root uses AWS's provider from HashiCorp's registry, with the account, the Region and the role of its "
        "stanza and no other setting, the repository's modules, and the listed data sources, which it reads before the "
        "plan. Of the provider that is a part of Terraform it uses functions alone. Its conditions hold. It runs no "
        "provisioner, no program and no action, and it imports nothing.",
        topics=("configuration",),
        code=("configuration_faults",),
        mutants=(
            "the provider has other endpoints",
            "the provider assumes another role",
            "the provider assumes a role without an ExternalId",
            "the provider has keys of its own",
            "the provider allows any account",
            "the provider for IAM's events allows any account",
            "the provider for IAM's events makes something else",
            "a second provider",
            "a provider from elsewhere",
            "a part of Terraform is not",
            "the code reads another state",
            "a resource uses another provider",
            "a provisioner",
            "a program as data source",
            "a request as data source",
            "a module from elsewhere",
            "a module outside of the repository",
            "a data source is read during the apply",
            "a condition of the code does not hold",
            "a resource is deleted and planned",
            "an action",
            "an import",
            "a resource is replaced and the old one forgotten",
            "a part of the plan that nobody has reviewed",
        ),
        assumptions=(PROVIDER,),
    ),
    Property(
        "Confined deployer",
        "The deployer trusts the operations account alone, with the ExternalId of its stanza; it manages one tenant's "
        "workload alone, and is denied reading the records.",
        topics=("denial", "boundary", "endpoint names", "deployer", "policies", "reach"),
        code=("deployer_claims", "deployer_specification"),
        mutants=(
            "a condition is dropped",
            "a whole service is allowed",
            "any account is allowed",
            "a Deny allows",
        ),
        assumptions=(IAM, CALLERS),
    ),
)

ASSUMPTIONS = tuple(dict.fromkeys(text for item in PROPERTIES for text in item.assumptions))

NOT_COVERED = (
    "What two environments share, unless `make prove ENV=all` compares their stanzas.",
    "Service and resource control policies, permissions boundaries, session policies: they only remove access.",
    "Policies of resources outside the plan, such as a bucket policy that gives a role access.",
    "Grants of a key, and resources that were made outside Terraform, unless `STATE=1` reads them.",
    "Access that a customer gives to others in its own account; its administrators can read the records.",
    "What the zip contains, and what is uploaded if the file changes after the plan.",
    "The models, the guardrail and the quota in the function's settings: the operations role decides what succeeds.",
    "The addresses in a perimeter's networks: nothing says whose they are.",
    "The members of a security group and the routes of a subnet, which belong to the customer's network.",
    "The environment variables and the command-line options of Terraform, such as `AWS_ENDPOINT_URL`.",
    "What is in a local value or in a condition of the code: a plan has only its result.",
    "AWS's own evaluation of policies, and AWS's statement that Bedrock does not store prompts or answers.",
)


def property_of(topic: str) -> Property | None:
    """Return the property that a claim's or a fault's topic belongs to; None for an unknown topic."""
    noun = topic.partition(":")[0]
    if noun.startswith("endpoint ") and noun != "endpoint names":
        noun = "endpoint"
    return next((item for item in PROPERTIES if noun in item.topics), None)
