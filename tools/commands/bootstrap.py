"""`make bootstrap`: what must exist before the first apply: the state bucket, and each customer's deployer role.

The bucket is made here. The role is the customer's to make: `make deployer` prints it. In the local
environment both are made before every run, since its accounts are ours.
"""

from __future__ import annotations

import json
from contextlib import suppress

from tools.cli import arguments
from tools.cli.console import CommandError, out, progress, run
from tools.cli.workspace import LOCAL, Workspace
from tools.commands import deployer
from tools.environment import model as environment


def main() -> int:
    """Make the environment's state bucket in the operations account, if it is not there."""
    env = environment.load(arguments.parser(__doc__).parse_args().env)
    workspace = Workspace()
    made = make_bucket(workspace, env)
    prepare(workspace, env)
    out.print(f"  State bucket {env.backend['bucket']} {'made' if made else 'is there'}.")
    return 0


def prepare(workspace: Workspace, env: environment.Environment) -> None:
    """Before terraform runs: in the local environment, make what customers and a bootstrap would have made."""
    if env.name != LOCAL:
        return
    workspace.local_user("deployer", env.operations_account_id, deployer.EVERYTHING)
    make_bucket(workspace, env)
    for account in env.accounts:
        admin = f"admin {account.account_id}"
        workspace.local_user(admin, account.account_id, deployer.EVERYTHING)
        workspace.local_user(
            f"auditor {account.account_id}",
            account.account_id,
            deployer.may_assume_reader(env, account),
        )
        iam = workspace.client(env, workspace.session(env, admin), "iam")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(
                RoleName=env.deployer_role_name,
                AssumeRolePolicyDocument=json.dumps(deployer.trust(env)),
            )
            progress(f"{account.account_id}: made {env.deployer_role_name}, as its owner would")
        iam.put_role_policy(
            RoleName=env.deployer_role_name,
            PolicyName="deployer",
            PolicyDocument=json.dumps(deployer.permissions(env, account)),
        )


def make_bucket(workspace: Workspace, env: environment.Environment) -> bool:
    """Make the state bucket: versioned, encrypted, closed to the public. False when it was there."""
    s3 = workspace.client(
        env, workspace.session(env, "deployer"), "s3", s3={"addressing_style": "path"}
    )
    bucket, region = env.backend["bucket"], env.backend["region"]
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise CommandError(
                f"The state bucket {bucket} cannot be reached: {error.response['Error']['Message']}. "
                f"Use credentials of the operations account {env.operations_account_id}."
            ) from None
    else:
        return False
    # us-east-1 is the one Region that must not be named as a location constraint (S3 API, CreateBucket).
    placed = (
        {}
        if region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    s3.create_bucket(Bucket=bucket, **placed)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    return True


if __name__ == "__main__":
    run(main)
