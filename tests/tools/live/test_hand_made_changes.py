"""What somebody changes by hand, of which a plan says nothing, and the sentence by which STATE=1 names it.

Each change is made as an owner of the account would make it, and undone.
"""

import io
import json
import re
import zipfile
from contextlib import ExitStack, contextmanager

import pytest

from tools.cli.session import Session
from tools.live.live_state import read_live_state
from tools.localaws.faults import FOREVER, Fault
from tools.proof.drift_search import compare_with_plans, find_drift
from tools.terraform.state import customer_state, operations_states

OPERATIONS, CUSTOMER, STRANGER = "111111111111", "555555555555", "999999999999"
FUNCTION = ROLE = "bedrock-local-initech"
RECORDS, FUNCTION_LOG = "/bedrock/local/initech/records", f"/aws/lambda/{FUNCTION}"
RECORDS_ARN = f"arn:aws:logs:eu-central-1:{CUSTOMER}:log-group:{RECORDS}"
READING = re.compile(r"\w+:(Describe|Get|Head|List)|sts:AssumeRole")
ABROAD = "eu-west-3"  # the geographic profile may send a call there, and no call is made there


def policy(*statements):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
    )


def trust(principal, **rest):
    return policy({"Action": "sts:AssumeRole", "Principal": principal, **rest})


def account(account_id):
    return {"AWS": f"arn:aws:iam::{account_id}:root"}


BEDROCK = {"Action": "bedrock:*", "Resource": "*"}
EVERYTHING = {"Action": "*", "Resource": "*"}


# --- the operations account ---


@contextmanager
def role(deployment, principal, *statements, name="helper", boundary=None, **settings):
    """Make a role with an inline policy in the operations account."""
    iam = deployment.operations("iam")
    document = principal if isinstance(principal, str) else trust(principal)
    arn = None
    if boundary:
        created = iam.create_policy(PolicyName="boundary", PolicyDocument=policy(boundary))
        arn = settings["PermissionsBoundary"] = created["Policy"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **settings)
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    yield
    if statements:
        iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    if arn:
        iam.delete_policy(PolicyArn=arn)


@contextmanager
def user(deployment, *statements, group=False):
    """Make a user in the operations account, with the statements as its own or its group's policy."""
    iam = deployment.operations("iam")
    iam.create_user(UserName="helper")
    if group:
        iam.create_group(GroupName="helpers")
        iam.put_group_policy(
            GroupName="helpers", PolicyName="inline", PolicyDocument=policy(*statements)
        )
        iam.add_user_to_group(GroupName="helpers", UserName="helper")
    else:
        iam.put_user_policy(
            UserName="helper", PolicyName="inline", PolicyDocument=policy(*statements)
        )
    yield
    if group:
        iam.remove_user_from_group(GroupName="helpers", UserName="helper")
        iam.delete_group_policy(GroupName="helpers", PolicyName="inline")
        iam.delete_group(GroupName="helpers")
    else:
        iam.delete_user_policy(UserName="helper", PolicyName="inline")
    iam.delete_user(UserName="helper")


@contextmanager
def inline_policy(iam, name, statement):
    """Add an inline policy to a role."""
    named = {"RoleName": name, "PolicyName": "slip"}
    iam.put_role_policy(**named, PolicyDocument=policy(statement))
    yield
    iam.delete_role_policy(**named)


@contextmanager
def attached_policy(iam, name, statement):
    """Attach a managed policy to a role."""
    arn = iam.create_policy(PolicyName="slip", PolicyDocument=policy(statement))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    yield
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)


@contextmanager
def changed_trust(iam, name, statement):
    """Add a statement to a role's trust policy."""
    before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    after = {**before, "Statement": [*before["Statement"], statement]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(after))
    yield
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))


@contextmanager
def boundary_of(iam, name):
    before = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary")
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=policy(EVERYTHING))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
    yield
    iam.delete_role_permissions_boundary(RoleName=name)
    if before:
        iam.put_role_permissions_boundary(
            RoleName=name, PermissionsBoundary=before["PermissionsBoundaryArn"]
        )
    iam.delete_policy(PolicyArn=arn)


@contextmanager
def invocation_logging(deployment, region):
    bedrock = deployment.operations("bedrock", region)
    bedrock.put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": "prompts"}, "textDataDeliveryEnabled": True}
    )
    yield
    bedrock.delete_model_invocation_logging_configuration()


@contextmanager
def retention(deployment, mode, region):
    bedrock = deployment.operations("bedrock", region)
    bedrock.put_account_data_retention(mode=mode)
    yield
    bedrock.put_account_data_retention(mode="none")


@contextmanager
def profile(deployment, **tags):
    """Make an inference profile of another model with these tags."""
    bedrock = deployment.operations("bedrock")
    source = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-pro-v1:0"
    arn = bedrock.create_inference_profile(
        inferenceProfileName="shortcut",
        modelSource={"copyFrom": source},
        tags=[{"key": key, "value": tags[key]} for key in tags],
    )["inferenceProfileArn"]
    yield
    bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)


@contextmanager
def retagged_profile(deployment):
    bedrock = deployment.operations("bedrock")
    listed = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    arn = listed[0]["inferenceProfileArn"]
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "tenant", "value": "acme"}])
    yield
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "tenant", "value": "initech"}])


NOT_ACTIONS = {"NotAction": ["iam:*", "sts:*"], "Resource": "*"}
UNMODELLED = {**BEDROCK, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}}
DENIED = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}
LAMBDA = {"Service": "lambda.amazonaws.com"}
IN_ANOTHER_REGION = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}

OPERATIONS_CHANGES = {
    "a role open to another account": (
        lambda d: role(d, account(STRANGER), BEDROCK),
        f"the role helper, which trusts the account {STRANGER}, may call Bedrock or change its settings (bedrock:*)",
    ),
    "a role open to a customer": (
        lambda d: role(d, account(CUSTOMER)),
        f"the role helper trusts the customer account {CUSTOMER} of initech, and no stanza defines it",
    ),
    "a role open to a customer's user": (
        lambda d: role(d, {"AWS": f"arn:aws:iam::{CUSTOMER}:user/auditor"}),
        f"the role helper trusts the customer account {CUSTOMER} of initech",
    ),
    "a role open to anyone": (
        lambda d: role(d, {"AWS": "*"}),
        "anyone who meets its conditions may assume the role helper",
    ),
    "a role that everyone but one may assume": (
        lambda d: role(
            d,
            policy(
                {
                    "Action": "sts:AssumeRole",
                    "NotPrincipal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
                }
            ),
        ),
        "anyone who meets its conditions may assume the role helper",
    ),
    "a role of a function": (
        lambda d: role(d, LAMBDA, {"Action": "bedrock:InvokeModel", "Resource": "*"}),
        "the role helper may call Bedrock or change its settings (bedrock:InvokeModel)",
    ),
    "a role that only excludes other actions": (
        lambda d: role(d, LAMBDA, NOT_ACTIONS),
        "the role helper may call Bedrock or change its settings",
    ),
    "a role with a condition that has no formula": (
        lambda d: role(d, LAMBDA, UNMODELLED),
        "the role helper may call Bedrock or change its settings",
    ),
    "a role in one Region": (
        lambda d: role(d, LAMBDA, {**BEDROCK, "Condition": IN_ANOTHER_REGION}),
        "the role helper may call Bedrock or change its settings (bedrock:*)",
    ),
    "a role that only pretends to be service-linked": (
        lambda d: role(d, account(STRANGER), BEDROCK, Path="/aws-service-role/x.amazonaws.com/"),
        "the role helper, which trusts the account",
    ),
    "a role that may give itself a policy": (
        lambda d: role(d, LAMBDA, {"Action": "iam:PutRolePolicy", "Resource": "*"}),
        "the role helper may change who may do what (iam:PutRolePolicy)",
    ),
    "a role that may assume the administrator's": (
        lambda d: role(d, LAMBDA, {"Action": "sts:AssumeRole", "Resource": "*"}),
        "the role helper may assume a role of this account (sts:AssumeRole)",
    ),
    "a user": (
        lambda d: user(d, BEDROCK),
        "the user helper may call Bedrock or change its settings (bedrock:*)",
    ),
    "a group": (
        lambda d: user(d, BEDROCK, group=True),
        "the group helpers may call Bedrock or change its settings (bedrock:*)",
    ),
    "a role with a tenant's name": (
        lambda d: role(d, LAMBDA, name="bedrock-local-acme"),
        "no stanza defines the role bedrock-local-acme",
    ),
    "an inline policy": (
        lambda d: inline_policy(d.operations("iam"), ROLE, {"Action": "s3:*", "Resource": "*"}),
        "initech, permissions: the policies allow a request that the stanza does not grant",
    ),
    "an attached policy": (
        lambda d: attached_policy(d.operations("iam"), ROLE, BEDROCK),
        "initech, permissions: the policies allow a request that the stanza does not grant",
    ),
    "a wider trust policy": (
        lambda d: changed_trust(
            d.operations("iam"),
            ROLE,
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": account(STRANGER)},
        ),
        "initech, trust: the policies allow a request that the stanza does not grant",
    ),
    "a boundary": (
        lambda d: boundary_of(d.operations("iam"), ROLE),
        f"the permissions boundary of {ROLE} is arn:aws:iam::{OPERATIONS}:policy/edge, not None",
    ),
    "invocation logging": (
        lambda d: invocation_logging(d, "eu-central-1"),
        "Bedrock logs every call of eu-central-1 in this account (s3Config)",
    ),
    "invocation logging in a destination Region": (
        lambda d: invocation_logging(d, ABROAD),
        f"Bedrock logs every call of {ABROAD} in this account",
    ),
    "data retention": (
        lambda d: retention(d, "provider_data_share", "eu-central-1"),
        'the mode in eu-central-1 is "provider_data_share"',
    ),
    "data retention in a destination Region": (
        lambda d: retention(d, "inherit", ABROAD),
        f'the mode in {ABROAD} is "inherit"',
    ),
    "a profile with a tenant's tags": (
        lambda d: profile(d, tenant="initech", alias="claude", environment="local"),
        "(shortcut), whose tags let initech call it",
    ),
    "a profile whose tags were changed": (
        retagged_profile,
        "the tag tenant of bedrock-local-initech_claude_570f is acme instead of initech",
    ),
}

HARMLESS_CHANGES = {
    "a role that may only look": lambda d: role(
        d, account(STRANGER), {"Action": ["bedrock:Get*", "s3:*"], "Resource": "*"}
    ),
    "a role whose boundary forbids Bedrock": lambda d: role(
        d, LAMBDA, EVERYTHING, boundary={"Action": "s3:*", "Resource": "*"}
    ),
    "a role that is denied Bedrock": lambda d: role(
        d, LAMBDA, {**DENIED}, BEDROCK, {"Action": "s3:*", "Resource": "*"}
    ),
    "a role that assumes roles of other accounts": lambda d: role(
        d, LAMBDA, {"Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{STRANGER}:role/x"}
    ),
    "a profile without a tenant's tags": lambda d: profile(d, team="research"),
}


# --- a customer account ---


def other_code():
    """A zip that holds other code than the built one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tenant_bedrock/handler.py", "def handler(event, context): return event")
    return file.getvalue()


@contextmanager
def code(deployment):
    client = deployment.customer("lambda")
    client.update_function_code(FunctionName=FUNCTION, ZipFile=other_code())
    yield
    built = deployment.session.target._package.read_bytes()
    client.update_function_code(FunctionName=FUNCTION, ZipFile=built)


@contextmanager
def configuration(deployment, **settings):
    """Change settings of the function and restore them."""
    client = deployment.customer("lambda")
    before = client.get_function_configuration(FunctionName=FUNCTION)
    client.update_function_configuration(FunctionName=FUNCTION, **settings)
    yield
    defaults = {
        "DeadLetterConfig": {"TargetArn": ""},
        "Layers": [],
        "VpcConfig": {"SecurityGroupIds": [], "SubnetIds": []},
        "TracingConfig": {"Mode": "PassThrough"},
    }
    restored = {name: before.get(name, defaults.get(name)) for name in settings}
    client.update_function_configuration(FunctionName=FUNCTION, **restored)


def variables(deployment, **changes):
    """Change environment variables of the function; None removes one."""
    client = deployment.customer("lambda")
    before = client.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    after = {name: text for name, text in {**before, **changes}.items() if text is not None}
    return configuration(deployment, Environment={"Variables": after})


def setting(deployment, **changes):
    """Change settings in TENANT_BEDROCK."""
    client = deployment.customer("lambda")
    before = client.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    settings = {**json.loads(before["TENANT_BEDROCK"]), **changes}
    return variables(deployment, TENANT_BEDROCK=json.dumps(settings))


@contextmanager
def layer(deployment):
    client = deployment.customer("lambda")
    made = client.publish_layer_version(LayerName="hook", Content={"ZipFile": other_code()})
    with configuration(deployment, Layers=[made["LayerVersionArn"]]):
        yield
    client.delete_layer_version(LayerName="hook", VersionNumber=made["Version"])


@contextmanager
def undone(create, undo):
    create()
    yield
    undo()


def on_function(deployment, create, delete, extra=None, **settings):
    """Make something that belongs to the function, and delete it again."""
    client = deployment.customer("lambda")
    named = {"FunctionName": FUNCTION, **(extra or {})}
    return undone(
        lambda: getattr(client, create)(**named, **settings),
        lambda: getattr(client, delete)(**named),
    )


@contextmanager
def version(deployment, alias=None):
    client = deployment.customer("lambda")
    published = client.publish_version(FunctionName=FUNCTION)["Version"]
    if alias:
        client.create_alias(FunctionName=FUNCTION, Name=alias, FunctionVersion=published)
    yield
    if alias:
        client.delete_alias(FunctionName=FUNCTION, Name=alias)
    client.delete_function(FunctionName=FUNCTION, Qualifier=published)


@contextmanager
def event_source(deployment):
    client, sqs = deployment.customer("lambda"), deployment.customer("sqs")
    url = sqs.create_queue(QueueName="calls")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-central-1:{CUSTOMER}:calls"
    made = client.create_event_source_mapping(FunctionName=FUNCTION, EventSourceArn=arn)
    yield
    client.delete_event_source_mapping(UUID=made["UUID"])
    sqs.delete_queue(QueueUrl=url)


def on_logs(deployment, create, delete, created, deleted):
    """Make a setting of CloudWatch Logs and delete it again."""
    client = deployment.customer("logs")
    return undone(
        lambda: getattr(client, create)(**created), lambda: getattr(client, delete)(**deleted)
    )


@contextmanager
def subscription(deployment, group):
    """Copy a log group to a function of somebody else."""
    logs, client = deployment.customer("logs"), deployment.customer("lambda")
    iam = deployment.customer("iam")
    made = iam.create_role(RoleName="sink", AssumeRolePolicyDocument=trust(LAMBDA))
    arn = client.create_function(
        FunctionName="sink",
        Runtime="python3.13",
        Role=made["Role"]["Arn"],
        Handler="x.y",
        Code={"ZipFile": other_code()},
    )["FunctionArn"]
    named = {"logGroupName": group, "filterName": "all"}
    logs.put_subscription_filter(**named, filterPattern="", destinationArn=arn)
    yield
    logs.delete_subscription_filter(**named)
    client.delete_function(FunctionName="sink")
    iam.delete_role(RoleName="sink")


@contextmanager
def detector(deployment):
    logs = deployment.customer("logs")
    made = logs.create_log_anomaly_detector(logGroupArnList=[RECORDS_ARN], detectorName="odd")
    yield
    logs.delete_log_anomaly_detector(anomalyDetectorArn=made["anomalyDetectorArn"])


@contextmanager
def scheduled_query(deployment):
    logs = deployment.customer("logs")
    logs.create_scheduled_query(
        name="copy",
        queryLanguage="CWLI",
        queryString="fields @message",
        logGroupIdentifiers=[RECORDS],
        scheduleExpression="rate(1 hour)",
        executionRoleArn=f"arn:aws:iam::{CUSTOMER}:role/x",
        destinationConfiguration={
            "s3Configuration": {
                "destinationIdentifier": "s3://elsewhere",
                "roleArn": f"arn:aws:iam::{CUSTOMER}:role/x",
            }
        },
    )
    yield
    logs.delete_scheduled_query(identifier="copy")


@contextmanager
def export(deployment):
    s3, logs = deployment.customer("s3"), deployment.customer("logs")
    where = {"LocationConstraint": "eu-central-1"}
    path = {"addressing_style": "path"}
    target = deployment.session.target
    s3 = target.client(target.session(f"administrator {CUSTOMER}"), "s3", s3=path)
    s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration=where)
    task = logs.create_export_task(logGroupName=RECORDS, fromTime=0, to=1, destination="elsewhere")[
        "taskId"
    ]
    yield
    logs.cancel_export_task(taskId=task)


@contextmanager
def masking(deployment, document=None):
    """Replace the data protection policy of the records, or delete it."""
    logs = deployment.customer("logs")
    before = logs.get_data_protection_policy(logGroupIdentifier=RECORDS)["policyDocument"]
    if document:
        changed = before.replace("EmailAddress", document)
        logs.put_data_protection_policy(logGroupIdentifier=RECORDS, policyDocument=changed)
    else:
        logs.delete_data_protection_policy(logGroupIdentifier=RECORDS)
    yield
    logs.put_data_protection_policy(logGroupIdentifier=RECORDS, policyDocument=before)


@contextmanager
def group_key(deployment):
    """Encrypt the records with another key, which CloudWatch Logs may use."""
    logs, kms = deployment.customer("logs"), deployment.customer("kms")
    before = kms.describe_key(KeyId=f"alias/{ROLE}")["KeyMetadata"]["Arn"]
    text = kms.get_key_policy(KeyId=before, PolicyName="default")["Policy"]
    other = kms.create_key(Policy=text)["KeyMetadata"]["Arn"]
    logs.associate_kms_key(logGroupName=RECORDS, kmsKeyId=other)
    yield
    logs.associate_kms_key(logGroupName=RECORDS, kmsKeyId=before)


def on_key(deployment, change, undo, changed=None, undone_with=None):
    """Change the workload's key and undo it."""
    kms = deployment.customer("kms")
    key = kms.describe_key(KeyId=f"alias/{ROLE}")["KeyMetadata"]["KeyId"]
    return undone(
        lambda: getattr(kms, change)(KeyId=key, **(changed or {})),
        lambda: getattr(kms, undo)(KeyId=key, **(undone_with or {})),
    )


@contextmanager
def grant(deployment):
    """Grant the use of the key, as whoever may create grants; the key's own policy lets nobody."""
    kms = deployment.customer("kms")
    key = kms.describe_key(KeyId=f"alias/{ROLE}")["KeyMetadata"]["Arn"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    document = json.loads(before)
    everyone = {
        "Effect": "Allow",
        "Action": "kms:*",
        "Principal": account(CUSTOMER),
        "Resource": "*",
    }
    opened = json.dumps({**document, "Statement": [*document["Statement"], everyone]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=opened)
    made = kms.create_grant(
        KeyId=key, GranteePrincipal=f"arn:aws:iam::{STRANGER}:root", Operations=["Decrypt"]
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)
    yield
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])


@contextmanager
def key_policy(deployment, statement):
    kms = deployment.customer("kms")
    key = kms.describe_key(KeyId=f"alias/{ROLE}")["KeyMetadata"]["Arn"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    document = json.loads(before)
    changed = {**document, "Statement": [*document["Statement"], {"Effect": "Allow", **statement}]}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(changed))
    yield
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)


LINKED = {"principal": "arn:aws:iam::999999999999:root", "action": "lambda:InvokeFunction"}
ACCOUNT_FILTER = {"policyName": "all", "policyType": "SUBSCRIPTION_FILTER_POLICY"}
ACCOUNT_MASKING = {"policyName": "masks", "policyType": "DATA_PROTECTION_POLICY"}
READ = {"Action": "logs:GetLogEvents", "Resource": "*"}

CUSTOMER_CHANGES = {
    "other code": (code, f"the code of {FUNCTION} has the SHA-256"),
    "another handler": (
        lambda d: configuration(d, Handler="other.handler"),
        f'Handler of {FUNCTION} is "other.handler"',
    ),
    "another runtime": (
        lambda d: configuration(d, Runtime="python3.12"),
        f'Runtime of {FUNCTION} is "python3.12"',
    ),
    "another role": (
        lambda d: configuration(d, Role=f"arn:aws:iam::{CUSTOMER}:role/terraform-deployer"),
        f"Role of {FUNCTION} is",
    ),
    "a layer": (layer, f"Layers of {FUNCTION} is"),
    "another memory size": (
        lambda d: configuration(d, MemorySize=1024),
        f"MemorySize of {FUNCTION} is 1024 instead of 512",
    ),
    "another timeout": (
        lambda d: configuration(d, Timeout=61),
        f"Timeout of {FUNCTION} is 61 instead of 60",
    ),
    "tracing": (
        lambda d: configuration(d, TracingConfig={"Mode": "Active"}),
        f"TracingConfig of {FUNCTION} is",
    ),
    "a queue for failed calls": (
        lambda d: configuration(
            d, DeadLetterConfig={"TargetArn": f"arn:aws:sqs:eu-central-1:{CUSTOMER}:x"}
        ),
        f"DeadLetterConfig of {FUNCTION} is",
    ),
    "another log group": (
        lambda d: configuration(
            d,
            LoggingConfig={
                "LogFormat": "JSON",
                "ApplicationLogLevel": "INFO",
                "SystemLogLevel": "INFO",
                "LogGroup": "/elsewhere",
            },
        ),
        f"LoggingConfig of {FUNCTION} is",
    ),
    "a VPC": (
        lambda d: configuration(
            d, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
        ),
        f"VpcConfig of {FUNCTION} is",
    ),
    "another setting": (
        lambda d: setting(d, content="metadata", audit="required"),
        f"the environment variable TENANT_BEDROCK of {FUNCTION} differs in audit, content",
    ),
    "one more environment variable": (
        lambda d: variables(d, AWS_LAMBDA_EXEC_WRAPPER="/opt/hook"),
        f"{FUNCTION} has the environment variable AWS_LAMBDA_EXEC_WRAPPER",
    ),
    "an environment variable less": (
        lambda d: variables(d, TENANT_BEDROCK=None),
        f"{FUNCTION} lacks the environment variable TENANT_BEDROCK",
    ),
    "a published version": (version, f"{FUNCTION} has a published version 1"),
    "an alias": (
        lambda d: version(d, alias="live"),
        f"{FUNCTION} has the alias live, which the code does not create",
    ),
    "a resource policy": (
        lambda d: on_function(
            d,
            "add_permission",
            "remove_permission",
            {"StatementId": "open"},
            Action=LINKED["action"],
            Principal=STRANGER,
        ),
        f"a resource policy of {FUNCTION} lets",
    ),
    "a URL": (
        lambda d: on_function(
            d, "create_function_url_config", "delete_function_url_config", AuthType="NONE"
        ),
        f"{FUNCTION} has a URL with the authorization type NONE",
    ),
    "an event source": (event_source, f"{FUNCTION} is called by the event source"),
    "a destination of answers": (
        lambda d: on_function(
            d,
            "put_function_event_invoke_config",
            "delete_function_event_invoke_config",
            DestinationConfig={
                "OnSuccess": {"Destination": f"arn:aws:sqs:eu-central-1:{STRANGER}:x"}
            },
        ),
        f"the answers of asynchronous calls of {FUNCTION} go to arn:aws:sqs:eu-central-1:{STRANGER}:x",
    ),
    "reserved concurrency": (
        lambda d: on_function(
            d,
            "put_function_concurrency",
            "delete_function_concurrency",
            ReservedConcurrentExecutions=1,
        ),
        f"the reserved concurrency of {FUNCTION} is 1 instead of None",
    ),
    "an inline policy of the execution role": (
        lambda d: inline_policy(
            d.customer("iam"), f"{ROLE}-execution", {"Action": "s3:*", "Resource": "*"}
        ),
        "execution, permissions: the policies allow a request that the stanza does not grant",
    ),
    "a policy attached to the reader role": (
        lambda d: attached_policy(d.customer("iam"), f"{ROLE}-reader", READ),
        f"the policy arn:aws:iam::{CUSTOMER}:policy/slip is attached to the role {ROLE}-reader",
    ),
    "another reader": (
        lambda d: changed_trust(
            d.customer("iam"),
            f"{ROLE}-reader",
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": account(STRANGER)},
        ),
        "reader, trust: the policies allow a request that the stanza does not grant",
    ),
    "a boundary of the unmasker role": (
        lambda d: boundary_of(d.customer("iam"), f"{ROLE}-unmasker"),
        f"the permissions boundary of {ROLE}-unmasker is",
    ),
    "a shorter retention": (
        lambda d: on_logs(
            d,
            "put_retention_policy",
            "put_retention_policy",
            {"logGroupName": RECORDS, "retentionInDays": 1},
            {"logGroupName": RECORDS, "retentionInDays": 30},
        ),
        f"retentionInDays of {RECORDS} is 1 instead of 30",
    ),
    "endless retention": (
        lambda d: on_logs(
            d,
            "delete_retention_policy",
            "put_retention_policy",
            {"logGroupName": FUNCTION_LOG},
            {"logGroupName": FUNCTION_LOG, "retentionInDays": 30},
        ),
        f"retentionInDays of {FUNCTION_LOG} is None instead of 30",
    ),
    "another key of the records": (group_key, f"kmsKeyId of {RECORDS} is"),
    "no masking": (masking, f"the data protection policy of {RECORDS} is missing"),
    "other masking": (
        lambda d: masking(d, "CreditCardNumber"),
        f"the data protection policy of {RECORDS} differs from the stanza's",
    ),
    "a subscription filter": (
        lambda d: subscription(d, RECORDS),
        f"the subscription filter all copies {RECORDS} to",
    ),
    "a subscription filter of the function's log": (
        lambda d: subscription(d, FUNCTION_LOG),
        f"the subscription filter all copies {FUNCTION_LOG} to",
    ),
    "a metric filter": (
        lambda d: on_logs(
            d,
            "put_metric_filter",
            "delete_metric_filter",
            {
                "logGroupName": RECORDS,
                "filterName": "words",
                "filterPattern": "",
                "metricTransformations": [
                    {"metricName": "x", "metricNamespace": "x", "metricValue": "1"}
                ],
            },
            {"logGroupName": RECORDS, "filterName": "words"},
        ),
        f"the metric filter words turns {RECORDS} into metrics",
    ),
    "a transformer": (
        lambda d: on_logs(
            d,
            "put_transformer",
            "delete_transformer",
            {"logGroupIdentifier": RECORDS, "transformerConfig": [{"parseJSON": {}}]},
            {"logGroupIdentifier": RECORDS},
        ),
        f"a transformer alters what is written to {RECORDS}",
    ),
    "an anomaly detector": (detector, f"the anomaly detector odd reads {RECORDS}"),
    "a scheduled query": (scheduled_query, f"the scheduled query copy reads {RECORDS}"),
    "an export": (export, f"an export task copies {RECORDS} to the bucket elsewhere"),
    "a subscription filter of the account": (
        lambda d: on_logs(
            d,
            "put_account_policy",
            "delete_account_policy",
            {**ACCOUNT_FILTER, "policyDocument": "{}"},
            ACCOUNT_FILTER,
        ),
        "the account policy all (SUBSCRIPTION_FILTER_POLICY) applies to the log groups",
    ),
    "masking by the account": (
        lambda d: on_logs(
            d,
            "put_account_policy",
            "delete_account_policy",
            {**ACCOUNT_MASKING, "policyDocument": "{}"},
            ACCOUNT_MASKING,
        ),
        "the account policy masks (DATA_PROTECTION_POLICY) applies to the log groups",
    ),
    "a resource policy of CloudWatch Logs": (
        lambda d: on_logs(
            d,
            "put_resource_policy",
            "delete_resource_policy",
            {
                "policyName": "open",
                "policyDocument": policy({**READ, "Principal": account(STRANGER)}),
            },
            {"policyName": "open"},
        ),
        "the resource policy open lets others use a log group of the workload (logs:GetLogEvents)",
    ),
    "a grant": (grant, f"a grant lets arn:aws:iam::{STRANGER}:root use"),
    "a wider key policy": (
        lambda d: key_policy(
            d, {"Action": "kms:Decrypt", "Principal": account(STRANGER), "Resource": "*"}
        ),
        "key: the policies allow a request that the stanza does not grant",
    ),
    "a disabled key": (
        lambda d: on_key(d, "disable_key", "enable_key"),
        "KeyState of arn:aws:kms:eu-central-1:555555555555:key/",
    ),
    "a key without rotation": (
        lambda d: on_key(d, "disable_key_rotation", "enable_key_rotation"),
        "is not rotated every year",
    ),
    "a key that is seldom rotated": (
        lambda d: on_key(
            d, "enable_key_rotation", "enable_key_rotation", {"RotationPeriodInDays": 2560}
        ),
        "is rotated every 2,560 days instead of every year",
    ),
}

HARMLESS_IN_THE_CUSTOMERS_ACCOUNT = {
    "an account policy that leaves the groups out": lambda d: on_logs(
        d,
        "put_account_policy",
        "delete_account_policy",
        {
            **ACCOUNT_FILTER,
            "policyDocument": "{}",
            "selectionCriteria": f'LogGroupName NOT IN ["{RECORDS}", "{FUNCTION_LOG}"]',
        },
        ACCOUNT_FILTER,
    ),
    "a resource policy for other groups": lambda d: on_logs(
        d,
        "put_resource_policy",
        "delete_resource_policy",
        {
            "policyName": "vended",
            "policyDocument": policy(
                {
                    "Action": "logs:PutLogEvents",
                    "Principal": {"Service": "delivery.logs.amazonaws.com"},
                    "Resource": f"arn:aws:logs:eu-central-1:{CUSTOMER}:log-group:/aws/vendedlogs/*",
                }
            ),
        },
        {"policyName": "vended"},
    ),
}


def test_proves_what_was_applied(deployment):
    assert deployment.problems() == []


@pytest.mark.parametrize("change", OPERATIONS_CHANGES.values(), ids=OPERATIONS_CHANGES)
def test_names_a_change_in_the_operations_account(deployment, change):
    make, sentence = change
    with make(deployment):
        problems = deployment.problems("operations")
    assert [problem for problem in problems if sentence in problem], problems


@pytest.mark.parametrize("change", CUSTOMER_CHANGES.values(), ids=CUSTOMER_CHANGES)
def test_names_a_change_in_the_customers_account(deployment, change):
    make, sentence = change
    with make(deployment):
        problems = deployment.problems("customer")
    assert [problem for problem in problems if sentence in problem], problems


@pytest.mark.parametrize("change", HARMLESS_CHANGES.values(), ids=HARMLESS_CHANGES)
def test_allows_a_change_that_reaches_no_tenant(deployment, change):
    with change(deployment):
        problems = deployment.problems("operations")
    assert problems == []


@pytest.mark.parametrize(
    "change",
    HARMLESS_IN_THE_CUSTOMERS_ACCOUNT.values(),
    ids=HARMLESS_IN_THE_CUSTOMERS_ACCOUNT,
)
def test_allows_a_change_that_reaches_no_record(deployment, change):
    with change(deployment):
        problems = deployment.problems("customer")
    assert problems == []


# --- what cannot be read ---

INSPECTOR = f"{ROLE}-inspector"


@contextmanager
def denied(deployment, action):
    """Deny the inspector an action, as one would to hide a change from it."""
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    with inline_policy(deployment.customer("iam"), INSPECTOR, statement):
        yield


@contextmanager
def no_answers(deployment, *services):
    """Break every connection to these services."""
    control = deployment.checkout.control
    for service in services:
        control.fault(Fault(service, drop="before", times=FOREVER))
    try:
        yield
    finally:
        control.clear_faults()


@contextmanager
def no_inspector(deployment):
    iam = deployment.customer("iam")
    document = iam.get_role(RoleName=INSPECTOR)["Role"]["AssumeRolePolicyDocument"]
    named = {"RoleName": INSPECTOR, "PolicyName": "inspector"}
    permissions = iam.get_role_policy(**named)["PolicyDocument"]
    iam.delete_role_policy(**named)
    iam.delete_role(RoleName=INSPECTOR)
    yield
    iam.create_role(RoleName=INSPECTOR, AssumeRolePolicyDocument=json.dumps(document))
    iam.put_role_policy(**named, PolicyDocument=json.dumps(permissions))


@pytest.mark.parametrize(
    ("action", "part"),
    [
        (
            "kms:ListGrants",
            "the key's grants could not be read: kms:ListGrants in eu-central-1 failed",
        ),
        ("lambda:GetPolicy", "the function's resource policies could not be read"),
        ("iam:GetRolePolicy", f"the role {ROLE}-execution could not be read"),
        (
            "logs:DescribeAccountPolicies",
            "of the type SUBSCRIPTION_FILTER_POLICY could not be read",
        ),
        (
            "lambda:GetFunctionConfiguration",
            "the function's code and configuration could not be read",
        ),
    ],
)
def test_a_part_that_is_denied_is_named_and_keeps_the_result_from_proved(deployment, action, part):
    with denied(deployment, action):
        report = deployment.report(deployment.plans[1:])
    assert [sentence for sentence in report.unread if part in sentence], report.unread
    assert report.problems() == []
    assert (report.verdict, report.holds) == ("Proved in part", False)
    assert f"- {report.unread[0]}" in report.certificate().partition("## Not covered")[2]


def test_without_the_inspector_the_deployer_reads_and_the_rest_is_named(deployment):
    with no_inspector(deployment), code(deployment):
        report = deployment.report(deployment.plans[1:])
    assert f"role/{INSPECTOR} cannot be assumed" in report.unread[0]
    assert [part for part in report.unread if "the key's grants could not be read" in part]
    assert [problem for problem in report.problems() if "the code of" in problem]
    assert report.verdict == "Not proved"


def test_an_account_in_which_no_role_can_be_assumed_is_not_proved(deployment):
    iam = deployment.customer("iam")
    nobody = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    with (
        changed_trust(iam, INSPECTOR, nobody),
        changed_trust(iam, "terraform-deployer", nobody),
    ):
        report = deployment.report(deployment.plans[1:])
    assert "everything in the account could not be read" in report.unread[0]
    assert not report.holds


def test_a_region_that_does_not_answer_is_named(deployment):
    bedrock = {"Effect": "Deny", "Action": "bedrock:GetAccountDataRetention", "Resource": "*"}
    iam = deployment.operations("iam")
    iam.put_user_policy(UserName="deployer", PolicyName="slip", PolicyDocument=policy(bedrock))
    report = deployment.report(deployment.plans[:1])
    iam.delete_user_policy(UserName="deployer", PolicyName="slip")
    unread = [part for part in report.unread if "Bedrock's data retention in" in part]
    assert len(unread) >= 5  # the called Region and the profile's destinations
    assert report.verdict == "Proved in part"


# --- administrators ---


def test_an_administrator_that_the_environment_lists_is_no_failure(deployment):
    plan = json.loads(json.dumps(deployment.plans[0]))
    arn = f"arn:aws:iam::{OPERATIONS}:role/helper"
    plan["variables"]["operations"]["value"]["administrators"] = [arn]
    with role(deployment, account(STRANGER), EVERYTHING):
        allowed = deployment.report([plan]).problems()
    assert allowed == []
    with role(deployment, account(CUSTOMER), EVERYTHING):
        problems = deployment.report([plan]).problems()
    assert [problem for problem in problems if f"trusts the customer account {CUSTOMER}" in problem]


# --- the command ---


def test_the_command_says_proved_and_after_a_change_by_hand_does_not(deployment):
    # The plans are the same before and after, so the second run takes them from files.
    files = [deployment.checkout.root / f"{number}.json" for number in range(2)]
    for file, plan in zip(files, deployment.plans, strict=True):
        file.write_text(json.dumps(plan))
    files = ",".join(map(str, files))
    before = deployment.checkout.shell("make prove ENV=local STATE=1")
    assert before.returncode == 0, before.stdout + before.stderr
    assert "Proved in" in before.stdout
    with (
        code(deployment),
        invocation_logging(deployment, "eu-central-1"),
        role(deployment, account(STRANGER), BEDROCK),
    ):
        after = deployment.checkout.shell(f"make prove ENV=local STATE=1 PLAN={files} JSON=1")
    assert after.returncode != 0
    report = json.loads(after.stdout)
    assert report["proved"] is False
    problems = " ".join(fault["problem"] for plan in report["plans"] for fault in plan["faults"])
    for sentence in ("the code of", "Bedrock logs every call", "the role helper"):
        assert sentence in problems


def test_an_apply_is_not_done_while_bedrock_may_keep_prompts_and_bootstrap_mends_it(deployment):
    apply = f"make apply ENV=local PART=initech/{CUSTOMER}"
    with retention(deployment, "inherit", ABROAD):
        refused = deployment.checkout.shell(apply)
        first, second = (deployment.checkout.done("make bootstrap ENV=local") for _ in range(2))
        done = deployment.checkout.shell(apply)
    assert refused.returncode != 0
    assert f'every Region where a call may run: in {ABROAD} it is "inherit".' in refused.stderr
    assert "Run `make bootstrap ENV=local`" in refused.stderr
    assert f"Data retention in {ABROAD} was inherit and is none now." in first
    assert f"Data retention in {ABROAD} is none already." in second
    assert done.returncode == 0, done.stderr


# --- make drift ---


def differences(deployment, root, tenant=None):
    """The rows of `make drift` about one root, from a plan that was made before any change."""
    environment = deployment.session.environment
    number = ["operations", "customer"].index(root)
    states = [*operations_states(environment), *map(customer_state, environment.accounts)]
    plans = [(states[number], deployment.plans[number])]
    return list(compare_with_plans(deployment.session, plans, 2, tenant))


# For each kind of change, what the rows are about and what the first of them says.
DRIFT = {
    "a policy attached to the tenant's role": (
        "operations",
        OPERATIONS_CHANGES["an attached policy"][0],
        {"initech, permissions"},
        "is allowed because managed policy arn:aws:iam::111111111111:policy/slip",
    ),
    "an inline policy of the tenant's role": (
        "operations",
        OPERATIONS_CHANGES["an inline policy"][0],
        {"initech, permissions"},
        "is allowed because inline policy slip",
    ),
    "a boundary of the tenant's role": (
        "operations",
        OPERATIONS_CHANGES["a boundary"][0],
        {"initech, boundary"},
        "policy/edge, not None",
    ),
    "a policy attached to a role of the workload": (
        "customer",
        lambda d: attached_policy(d.customer("iam"), f"{ROLE}-execution", READ),
        {"permissions"},
        f"policy/slip is attached to the role {ROLE}-execution",
    ),
    "an inline policy of a role of the workload": (
        "customer",
        CUSTOMER_CHANGES["an inline policy of the execution role"][0],
        {"execution, permissions"},
        "is allowed because slip",
    ),
    "other code": ("customer", code, {"function"}, "instead of"),
    "a statement of the function's resource policy": (
        "customer",
        CUSTOMER_CHANGES["a resource policy"][0],
        {"function"},
        f"a resource policy of {FUNCTION} lets",
    ),
    "a shorter retention": (
        "customer",
        CUSTOMER_CHANGES["a shorter retention"][0],
        {"log group"},
        f"retentionInDays of {RECORDS} is 1 instead of 30",
    ),
    "a subscription filter of the account": (
        "customer",
        CUSTOMER_CHANGES["a subscription filter of the account"][0],
        {"copies"},
        "the account policy all (SUBSCRIPTION_FILTER_POLICY) applies to the log groups",
    ),
    "a grant of the key": ("customer", grant, {"key"}, "a grant lets"),
}


@pytest.mark.parametrize("root", ["operations", "customer"])
def test_drift_has_no_row_about_what_was_applied(deployment, root):
    assert differences(deployment, root) == []


@pytest.mark.parametrize("change", DRIFT.values(), ids=DRIFT)
def test_drift_has_a_row_about_each_kind_of_change(deployment, change):
    root, make, about, sentence = change
    with make(deployment):
        rows = differences(deployment, root)
    assert {row.state for row in rows} == {"drifted"}
    assert {row.about for row in rows} == about
    assert sentence in rows[0].what
    label = "operations account" if root == "operations" else f"initech {CUSTOMER}"
    assert {row.account for row in rows} == {label}


def test_drift_cannot_tell_what_may_not_be_read(deployment):
    with denied(deployment, "logs:DescribeAccountPolicies"):
        rows = differences(deployment, "customer")
    assert {row.state for row in rows} == {"cannot tell"}
    assert "the account's policies of the type SUBSCRIPTION_FILTER_POLICY" in {
        row.about for row in rows
    }
    assert "logs:DescribeAccountPolicies in eu-central-1 failed with AccessDenied" in rows[0].what


def test_drift_cannot_tell_what_no_answer_came_about(deployment, monkeypatch):
    """A connection that breaks in one account ends the search in no other one."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    target, environment = deployment.session.target, deployment.session.environment
    session = Session(environment, target, None, target.state_bucket())
    with no_answers(deployment, "sts", "s3"):
        rows = differences(deployment, "customer")
        rows += find_drift(session, [*map(customer_state, environment.accounts)], 1)
    assert [(row.account, row.about, row.state) for row in rows] == [
        (f"initech {CUSTOMER}", "everything in the account", "cannot tell"),
        (f"initech {CUSTOMER}", "everything", "cannot tell"),
    ]
    assert all("Connection was closed" in row.what for row in rows)


def test_drift_of_one_tenant_leaves_out_what_is_found_about_another(deployment):
    plan = json.loads(json.dumps(deployment.plans[0]))
    tenants = plan["variables"]["tenants"]["value"]
    tenants["globex"] = tenants["initech"]
    subjects = [
        {fault.subject for case in live.cases for fault in case.faults}
        for live in (
            read_live_state(deployment.session, [plan], 2, tenant) for tenant in (None, "initech")
        )
    ]
    assert subjects == [{"globex"}, set()]


def test_the_command_changes_nothing_and_finds_no_drift_in_what_was_applied(deployment):
    before = len(deployment.checkout.control.calls())
    printed = deployment.checkout.done("make drift ENV=local")
    calls = deployment.checkout.control.calls()[before:]
    assert printed == (
        "Nothing has drifted in the operations account and 1 customer account, and everything was read.\n"
    )
    writes = [call.action for call in calls if not READING.match(call.action)]
    assert len(calls) > 50
    assert writes == []
    assert {call.action for call in calls if call.service == "s3"} <= {
        "s3:GetObject",
        "s3:ListBucket",
    }
    one = deployment.checkout.done("make drift ENV=local TENANT=initech JSON=1")
    assert json.loads(one) == []


def test_the_command_lists_what_an_apply_would_take_back_and_what_it_would_not(deployment):
    with ExitStack() as changes:
        for change in (
            attached_policy(deployment.operations("iam"), ROLE, BEDROCK),
            inline_policy(deployment.customer("iam"), f"{ROLE}-execution", READ),
            CUSTOMER_CHANGES["a shorter retention"][0](deployment),
            CUSTOMER_CHANGES["a resource policy"][0](deployment),
            code(deployment),
        ):
            changes.enter_context(change)
        run = deployment.checkout.shell("make drift ENV=local JSON=1")
    assert "Error 1" in run.stderr
    rows = json.loads(run.stdout)
    assert {row["state"] for row in rows} == {"drifted"}
    operations = [row for row in rows if row["account"] == "operations account"]
    customer = [row for row in rows if row["account"] == f"initech {CUSTOMER}"]
    assert len(operations) + len(customer) == len(rows)
    planned = [row["what"] for row in rows if row["about"] == "plan"]
    for address in (
        "aws_iam_role_policies_exclusive.execution[0]",
        "aws_cloudwatch_log_group.records: ~ retention_in_days: 1 → 30",
    ):
        assert [what for what in planned if address in what], planned
    # What the extra inline policy allows, the role's own Deny takes away: the plan alone has a row about it.
    # No apply detaches a policy from a tenant's role, because the guard attaches some beside Terraform.
    assert {row["about"] for row in operations} == {"initech, role", "initech, permissions"}
    assert {row["about"] for row in customer} == {"plan", "function", "log group"}
    retention = [row["what"] for row in customer if row["about"] == "log group"]
    assert retention == [f"retentionInDays of {RECORDS} is 1 instead of 30"]
    assert "211bbbdc3d8bb28c79b54b02f0386fbd" not in run.stdout


def test_the_command_cannot_tell_about_an_account_that_it_cannot_reach(deployment):
    iam = deployment.customer("iam")
    nobody = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    with (
        changed_trust(iam, INSPECTOR, nobody),
        changed_trust(iam, "terraform-deployer", nobody),
    ):
        run = deployment.checkout.shell("make drift ENV=local")
    assert "Error 3" in run.stderr
    assert re.search(rf"^initech {CUSTOMER} +everything +cannot tell +\S", run.stdout, re.MULTILINE)
    assert "0 rows say what has drifted, and 1 what could not be read." in run.stdout


def test_no_change_remains(deployment):
    assert deployment.problems() == []
