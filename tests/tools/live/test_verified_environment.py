"""`make verify` and `make access` on an applied environment, and what is said of the records there."""

import json
import stat

from operations_guard.verified_line import CANNOT_TELL, CHECKED, FAULT, OK, PROVED
from tools.live.live_state import read_records
from tools.terraform.state import customer_state
from tools.verification.customer_records import record_lines

RECORDS = "/bedrock/local/initech/records"
LABEL = "initech 555555555555"


def lines_of(deployment):
    [account] = deployment.session.environment.accounts
    case, unread = read_records(deployment.session, deployment.plans[1])
    lines = record_lines(customer_state(account), case, unread)
    return [(line.subject, line.status, line.basis, line.found) for line in lines]


def test_what_is_applied_is_ok_and_the_report_says_so(deployment):
    checkout = deployment.checkout
    report = checkout.root / "evidence" / "verified.md"
    answer = json.loads(checkout.done(f"make verify ENV=local JSON=1 REPORT={report}"))
    assert [line for line in answer["lines"] if line["status"] != OK] == []
    assert {line["basis"] for line in answer["lines"]} == {CHECKED, PROVED}
    assert {item["subject"] for item in answer["not_asked"]} <= {
        "projects",
        "storage of retained data",
        "trusted-access programs",
    }
    text = report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert (
        f"| {LABEL} key | ok | the key's policy allows what the stanza says, and nothing else | proved |"
        in text
    )
    assert text.count("| AWS's word |") == len(answer["statements"])
    assert "211bbbdc3d8bb28c79b54b02f0386fbd" not in text  # the ExternalId
    again = checkout.shell(f"make verify ENV=local REPORT={report}")
    assert again.returncode != 0
    assert "exists already; name another file." in again.stderr


def test_a_fault_makes_the_command_fail_with_its_line(deployment):
    bedrock = deployment.operations("bedrock")
    bedrock.put_account_data_retention(mode="default")
    failed = deployment.checkout.shell("make verify ENV=local TENANT=initech JSON=1")
    bedrock.put_account_data_retention(mode="none")
    assert failed.returncode != 0
    faults = [line for line in json.loads(failed.stdout)["lines"] if line["status"] != OK]
    assert [(line["subject"], line["status"]) for line in faults] == [("data retention", FAULT)]


def test_the_review_of_access_names_calls_unused_models_and_the_evidence_beside_it(deployment):
    checkout = deployment.checkout
    checkout.done("make verify ENV=local TENANT=initech")
    checkout.done("make prove ENV=local ALL=1")
    prompt = "the merger of the two companies"
    checkout.done(f"make invoke ENV=local TENANT=initech MODEL=nova PROMPT='{prompt}'")
    answer = json.loads(checkout.done("make access ENV=local TENANT=initech JSON=1"))
    [tenant] = answer["tenants"]
    assert tenant["role"]["region"] == "eu-central-1"
    assert {item["account"] for item in tenant["callers"]} == {"555555555555"}
    assert [(use["aliases"], use["region"]) for use in tenant["uses"]] == [
        (["nova"], "eu-central-1")
    ]
    assert {item["alias"]: item["use"] for item in tenant["grants"]} == {
        "claude": "never",
        "nova": "used",
    }
    assert tenant["refusals"] == []
    assert answer["unread"] == []
    assert answer["certificate"]["result"].startswith("proved: ")
    assert answer["verification"]["file"].startswith("evidence/local-initech-verify-")
    [evidence] = (checkout.root / "evidence").glob("local-initech-access-*.md")
    assert stat.S_IMODE(evidence.stat().st_mode) == 0o600
    shown = checkout.done("make access ENV=local")
    assert "account 555555555555: AROA" in shown
    assert "never used in 90 days" in shown
    assert "Newest certificate of a proof: build/proof/local-" in shown
    for text in (shown, evidence.read_text(), json.dumps(answer)):
        assert prompt not in text
        assert "211bbbdc3d8bb28c79b54b02f0386fbd" not in text  # the ExternalId
    unknown = checkout.shell("make access ENV=local TENANT=umbrella")
    assert unknown.returncode != 0
    assert 'has no tenant "umbrella"' in unknown.stderr


def test_the_records_are_two_lines_when_all_is_well(deployment):
    assert [line[:3] for line in lines_of(deployment)] == [
        (f"{LABEL} records", OK, CHECKED),
        (f"{LABEL} key", OK, PROVED),
    ]


def test_a_copy_and_a_wider_key_are_faults_each_with_its_basis(deployment):
    logs, kms = deployment.customer("logs"), deployment.customer("kms")
    group = logs.describe_log_groups(logGroupNamePrefix=RECORDS)["logGroups"][0]
    key = {"KeyId": group["kmsKeyId"], "PolicyName": "default"}
    before = kms.get_key_policy(**key)["Policy"]
    wider = json.loads(before)
    wider["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
            "Action": "kms:Decrypt",
            "Resource": "*",
        }
    )
    kms.put_key_policy(**key, Policy=json.dumps(wider))
    kms.disable_key_rotation(KeyId=group["kmsKeyId"])
    lines = lines_of(deployment)
    kms.put_key_policy(**key, Policy=before)
    kms.enable_key_rotation(KeyId=group["kmsKeyId"])
    assert [line[:3] for line in lines] == [
        (f"{LABEL} key", FAULT, CHECKED),
        (f"{LABEL} key", FAULT, PROVED),
    ]
    assert lines[0][3].endswith("is not rotated every year")
    assert "kms:Decrypt" in lines[1][3]


def test_a_setting_that_the_customer_does_not_let_be_read_is_a_line_of_its_own(deployment):
    iam = deployment.customer("iam")
    deny = {"Effect": "Deny", "Action": "kms:GetKeyRotationStatus", "Resource": "*"}
    named = {"RoleName": "bedrock-local-initech-inspector", "PolicyName": "slip"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(**named, PolicyDocument=text)
    lines = lines_of(deployment)
    iam.delete_role_policy(**named)
    assert [line[1] for line in lines] == [CANNOT_TELL, OK, OK]
    assert "kms:GetKeyRotationStatus" in lines[0][3]
    assert lines[1][3] == "what else could be read is as the stanza says"


def test_without_an_inspector_the_deployer_reads_what_it_may(deployment):
    iam = deployment.customer("iam")
    name = "bedrock-local-initech-inspector"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    stranger = {"AWS": "arn:aws:iam::999999999999:root"}
    other = {**trust, "Statement": [{**item, "Principal": stranger} for item in trust["Statement"]]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(other))
    lines = lines_of(deployment)  # as the deployer, which may read the log groups and the key
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    assert CANNOT_TELL in {line[1] for line in lines}
    assert FAULT not in {line[1] for line in lines}
