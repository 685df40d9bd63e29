"""A tenant that reaches its quota is stopped and let in again, with everything applied by the commands."""

import json

import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import client
from tools.localaws.scheduler.schedule_change import change_schedule

STANZA = """\
  {name} = {{
    accounts = {{
      "{account}" = {{ readers = ["arn:aws:iam::{account}:user/auditor"] }}
    }}
    deployer     = {{ external_id = "90c5a2d5c7a94b5bb3bb0b1f2b8a2f1{number}" }}
    external_ids = {{ current = "269170463fdc32af10a91e67a8fd77b{number}" }}
    models       = {{ nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"], track = true }} }}
    quota        = {{ {quota} }}
  }}
"""
OPERATIONS = "111111111111"
ACCOUNTS = {"acme": "222222222222", "globex": "333333333333"}
GUARD = '  guard = { on_failure = "closed", lease_minutes = 20 }\n'
RUN_SECONDS = 300  # between two runs of the guard
LIMIT = 60
DAY = 86_400


class Fleet:
    """The checkout with a tenant that has a quota, and its neighbour that has none."""

    def __init__(self, checkout):
        self.checkout = checkout
        self.tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"

    def write(self, tokens):
        operations = LOCAL_ENVIRONMENT.replace("operations = {\n", f"operations = {{\n{GUARD}")
        quotas = {"acme": f"tokens_per_day = {tokens}", "globex": ""}
        stanzas = [
            STANZA.format(name=name, account=account, number=account[0], quota=quotas[name])
            for name, account in ACCOUNTS.items()
        ]
        self.tfvars.write_text(f"{operations}tenants = {{\n{''.join(stanzas)}}}\n")

    def make(self, command):
        return self.checkout.done(
            f"make {command.partition(' ')[0]} ENV=local {command.partition(' ')[2]}"
        )

    def invoke(self, tenant, **event):
        functions = client(self.checkout.control, ACCOUNTS[tenant], "lambda")
        answer = functions.invoke(FunctionName=f"bedrock-local-{tenant}", Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def run_guard(self, seconds=RUN_SECONDS):
        """Let time pass, and run what is due then."""
        self.checkout.control.advance_clock(seconds)
        runs = self.checkout.control.post("run_schedules", {})
        assert [run["error"] for run in runs] == [""] * len(runs), runs
        return {run["schedule"].rpartition("/")[2]: json.loads(run["answer"]) for run in runs}

    def alarms(self):
        """Let CloudWatch evaluate the alarms, and return the names of those in the state ALARM."""
        self.checkout.control.post("evaluate_alarms", {})
        cloudwatch = client(self.checkout.control, OPERATIONS, "cloudwatch")
        alarms = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        return {alarm["AlarmName"] for alarm in alarms}

    def use_up(self):
        """Call until the tenant has used its quota."""
        used = 0
        while used < LIMIT:
            used += self.invoke("acme", prompt="one two three four five")["usage"]["total_tokens"]


@pytest.fixture(scope="module")
def fleet(checkout):
    fleet = Fleet(checkout)
    fleet.write(LIMIT)
    checkout.done("make up")
    fleet.make("apply")
    return fleet


def test_an_environment_with_a_guard_is_applied_proved_and_without_drift(fleet):
    assert "No changes" in fleet.make("plan ALL=1")
    fleet.make("drift")
    assert fleet.run_guard()["bedrock-local-quotas-0"]["failed"] == []


def test_the_function_tells_how_much_of_the_quota_is_used(fleet):
    (window,) = fleet.invoke("acme", usage=True)["usage"]["windows"]
    assert (window["limit"], window["state"]) == (LIMIT, "open")


def test_a_tenant_at_its_quota_is_refused_until_the_window_ends_and_its_neighbour_is_answered(
    fleet,
):
    fleet.use_up()
    assert fleet.run_guard()["bedrock-local-quotas-0"]["denied"] == 1
    refused = fleet.invoke("acme", prompt="one more")
    (window,) = fleet.invoke("acme", usage=True)["usage"]["windows"]
    assert refused["errorType"] == "QuotaReachedError"
    assert window["state"] == "reached"
    assert window["end"][:10] in refused["errorMessage"]
    assert "errorType" not in fleet.invoke("globex", prompt="hello")


def test_no_plan_takes_the_denial_away_and_nothing_has_drifted(fleet):
    assert "No changes" in fleet.make("plan ALL=1")
    fleet.make("apply ALL=1")
    fleet.make("drift")
    assert fleet.invoke("acme", prompt="one more")["errorType"] == "QuotaReachedError"


def test_a_raised_quota_lets_the_tenant_in_with_the_next_run(fleet):
    fleet.write(LIMIT * 1000)
    fleet.make("apply TENANT=acme")
    fleet.run_guard()
    assert "errorType" not in fleet.invoke("acme", prompt="one more")
    fleet.write(LIMIT)
    fleet.make("apply TENANT=acme")
    fleet.run_guard()
    assert fleet.invoke("acme", prompt="one more")["errorType"] == "QuotaReachedError"


def test_the_window_turns_and_the_tenant_is_let_in_again(fleet):
    fleet.run_guard(DAY)
    assert "errorType" not in fleet.invoke("acme", prompt="good morning")


def test_a_guard_that_does_not_run_stops_the_tenants_with_a_quota_and_no_other(fleet):
    scheduler = client(fleet.checkout.control, OPERATIONS, "scheduler")
    change_schedule(scheduler, "bedrock-local-quotas-0", State="DISABLED")
    fleet.run_guard(21 * 60)
    assert fleet.invoke("acme", prompt="hello")["errorType"] == "DeniedByPolicyError"
    assert "errorType" not in fleet.invoke("globex", prompt="hello")
    fleet.run_guard()  # CloudWatch looks back for 25 minutes before it counts a run as missing
    assert "bedrock-local_guard-silent" in fleet.alarms()
    change_schedule(scheduler, "bedrock-local-quotas-0", State="ENABLED")
    fleet.run_guard()
    assert "errorType" not in fleet.invoke("acme", prompt="hello")
    assert "bedrock-local_guard-silent" not in fleet.alarms()


def test_the_daily_verification_tells_the_operator_that_invocation_logging_is_on(fleet):
    control, schedule = fleet.checkout.control, "bedrock-local-verification-0"
    queue = client(control, OPERATIONS, "sqs").create_queue(QueueName="operator")["QueueUrl"]
    client(control, OPERATIONS, "sns").subscribe(
        TopicArn=f"arn:aws:sns:eu-central-1:{OPERATIONS}:bedrock-local_guard",
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:eu-central-1:{OPERATIONS}:operator",
    )
    verified = fleet.run_guard(DAY)[schedule]
    assert (verified["faults"], verified["not_read"]) == (0, 0)
    bedrock = client(control, OPERATIONS, "bedrock")
    role = f"arn:aws:iam::{OPERATIONS}:role/logging"
    logging = {"cloudWatchConfig": {"logGroupName": "calls", "roleArn": role}}
    bedrock.put_model_invocation_logging_configuration(loggingConfig=logging)
    assert fleet.run_guard(DAY)[schedule]["faults"] == 1
    assert "bedrock-local_guard-unclean" in fleet.alarms()
    bedrock.delete_model_invocation_logging_configuration()
    assert fleet.run_guard(DAY)[schedule]["faults"] == 0
    assert "bedrock-local_guard-unclean" not in fleet.alarms()
    answer = client(control, OPERATIONS, "sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10
    )
    messages = [json.loads(each["Body"]) for each in answer["Messages"]]
    [verified] = [each for each in messages if each["Subject"].startswith("Memorylessness")]
    assert "invocation logging: Bedrock logs every call of eu-central-1" in verified["Message"]
    assert 'ALARM: "bedrock-local_guard-unclean" in eu-central-1' in {
        each["Subject"] for each in messages
    }


def test_without_the_guard_everything_of_it_is_destroyed(fleet):
    text = fleet.tfvars.read_text().replace(f"tokens_per_day = {LIMIT}", "")
    fleet.tfvars.write_text(text)
    fleet.make("apply")
    fleet.run_guard()
    fleet.tfvars.write_text(text.replace(GUARD, ""))
    fleet.make("apply CONFIRM=operations")
    iam = client(fleet.checkout.control, OPERATIONS, "iam")
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    assert not [name for name in names if "_guard" in name]
