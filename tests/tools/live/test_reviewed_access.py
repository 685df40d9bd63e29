"""What a review of tenants' access shows, each refusal beside the same call by someone who may make it."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.docs.pages import blocks
from tests.tools.live.account import OPERATIONS, Account
from tests.tools.localaws.aws import DEFAULT_PROJECT, assume, document, refusal
from tools.commands.access import make_report
from tools.environment.model import CustomerAccount, Environment
from tools.isolation.operations_specification import profile_name
from tools.localaws.local_aws import LocalAws
from tools.verification import trail_lookup
from tools.verification.tenant_access import CANNOT_TELL, NEVER, USED
from tools.verification.trail_lookup import TrailEvent

NOVA, PRO, CLAUDE = (
    "amazon.nova-lite-v1:0",
    "amazon.nova-pro-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
)
HOME, NEAR = "eu-central-1", "eu-west-1"
ACME, GLOBEX, STRANGER = "222222222222", "333333333333", "444444444444"
EXTERNAL_ID = "269170463fdc32af10a91e67a8fd77bd"
PROMPT = "the figures of the third quarter"
MESSAGES = [{"role": "user", "content": [{"text": PROMPT}]}]
MODELS = {
    "nova": {"model": NOVA, "regions": [HOME, NEAR]},
    "europe": {"model": PRO, "regions": [HOME], "route": "geographic", "profile": "eu."},
    "claude": {"model": CLAUDE, "regions": [HOME], "track": True},
}
ENVIRONMENT = Environment(
    name="dev",
    operations_account_id=OPERATIONS,
    operations_region=HOME,
    deployer_role_name="terraform-deployer",
    accounts=(CustomerAccount("acme", ACME, HOME), CustomerAccount("globex", GLOBEX, NEAR)),
    stanzas={
        "acme": {"accounts": {ACME: {}}, "models": MODELS},
        "globex": {
            "accounts": {GLOBEX: {}},
            "models": {"nova": {"model": NOVA, "regions": [HOME]}},
            "state": "suspended",
        },
    },
    backend={},
)


class Reviewed(Account):
    """The operations account with the roles of two tenants, and everyone who calls them."""

    def client(self, keys, service, region=HOME):
        session = self.target.operations()
        return session.client(
            service,
            region_name=region,
            endpoint_url=self.cloud.url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
        )

    def owner(self, service, region=HOME):
        """A client of the account's administrator."""
        return self.target.client(self.target.operations(), service, region)

    def prepare(self):
        grants = document(
            DEFAULT_PROJECT,
            {
                "Action": "bedrock:InvokeModel",
                "Resource": [
                    f"arn:aws:bedrock:*::foundation-model/{NOVA}",
                    f"arn:aws:bedrock:*::foundation-model/{PRO}",
                    f"arn:aws:bedrock:*::foundation-model/{CLAUDE}",
                    f"arn:aws:bedrock:*:*:inference-profile/eu.{PRO}",
                    "arn:aws:bedrock:*:*:application-inference-profile/*",
                ],
            },
        )
        iam = self.owner("iam")
        for tenant, customer in (("acme", ACME), ("globex", GLOBEX)):
            name = f"bedrock-dev-{tenant}"
            trust = self.trust(customer)
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
            iam.put_role_policy(
                RoleName=name, PolicyName="grants", PolicyDocument=json.dumps(grants)
            )
        created = self.owner("bedrock").create_inference_profile(
            inferenceProfileName=profile_name("bedrock-dev-acme", "claude", CLAUDE),
            modelSource={"copyFrom": f"arn:aws:bedrock:{HOME}::foundation-model/{CLAUDE}"},
        )
        self.profile = created["inferenceProfileArn"]

    def trust(self, *accounts):
        principals = [f"arn:aws:iam::{account}:root" for account in accounts]
        return document({"Action": "sts:AssumeRole", "Principal": {"AWS": principals}})

    def assumed(self, caller, tenant="acme", region=HOME, **more):
        """Keys of a tenant's role, assumed by an administrator of another account."""
        sts = self.client(self.cloud.control.account(caller), "sts", region)
        role = self.environment.role_arn(OPERATIONS, f"bedrock-dev-{tenant}")
        return assume(sts, role, **{"RoleSessionName": tenant, "ExternalId": EXTERNAL_ID, **more})

    def converse(self, keys, model, region=HOME):
        self.client(keys, "bedrock-runtime", region).converse(modelId=model, messages=MESSAGES)

    def refused(self, keys, model, region=HOME):
        client = self.client(keys, "bedrock-runtime", region)
        return refusal(client.converse, modelId=model, messages=MESSAGES)[0]

    def report(self, tenant=None):
        return make_report(self.target, tenant)

    def review(self, tenant="acme"):
        [review] = self.report(tenant).reading.tenants
        return review

    def grants(self):
        return {(item.alias, item.region): item.use for item in self.review().grants}


@pytest.fixture
def account(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "HTTPS_PROXY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tools.verification.filed_evidence.PROOFS", tmp_path / "proof")
    monkeypatch.setattr("tools.verification.filed_evidence.EVIDENCE", tmp_path / "evidence")
    with LocalAws() as cloud:
        account = Reviewed(cloud, monkeypatch, ENVIRONMENT)
        account.prepare()
        yield account


def test_nothing_was_used_before_the_first_call(account):
    report = account.report()
    assert report.is_ok
    assert [item.tenant for item in report.reading.tenants] == ["acme", "globex"]
    for review in report.reading.tenants:
        assert review.role.last is None
        assert (review.callers, review.uses, review.refusals) == ((), (), ())
        assert {grant.use for grant in review.grants} == {NEVER}
    assert [item.state for item in report.reading.tenants] == ["active", "suspended"]


def test_callers_models_and_regions_are_those_of_the_calls(account):
    keys = account.assumed(ACME)
    account.converse(keys, NOVA)
    account.converse(keys, NOVA)
    for _ in range(2):
        account.converse(keys, f"eu.{PRO}")
    account.converse(keys, account.profile)
    review = account.review()
    assert review.role.region == HOME
    assert datetime.now(UTC) - review.role.last < timedelta(minutes=5)
    [caller] = review.callers
    assert (caller.account, caller.calls, caller.is_of_stanza) == (ACME, 1, True)
    uses = {use.aliases: (use.region, use.calls) for use in review.uses}
    assert uses == {("nova",): (HOME, 2), ("europe",): (HOME, 2), ("claude",): (HOME, 1)}
    [europe] = [use for use in review.uses if use.aliases == ("europe",)]
    assert HOME in europe.served_in
    assert len(europe.served_in) == 2
    assert {(item.alias, item.region): item.use for item in review.grants} == {
        ("nova", HOME): USED,
        ("nova", NEAR): NEVER,
        ("europe", HOME): USED,
        ("claude", HOME): USED,
    }
    [counted] = [item for item in review.grants if item.calls is not None]
    assert (counted.alias, counted.calls, counted.known_by) == ("claude", 1, "CloudWatch")
    assert account.review("globex").uses == ()


def test_times_are_in_utc_on_a_machine_in_another_time_zone(account, monkeypatch):
    account.converse(account.assumed(ACME), NOVA)
    try:
        with monkeypatch.context() as patched:
            patched.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            report = account.report("acme")
    finally:
        time.tzset()
    times = [datetime.fromisoformat(word) for word in _words(report) if word.endswith("Z")]
    assert len(times) == 4  # of the role's making and last use, of its caller and of a call
    assert max(times) < datetime.now(UTC) + timedelta(minutes=5)
    assert report.data["tenants"][0]["callers"][0]["last"].endswith("+00:00")


def _words(report):
    return [word.strip(";") for line in report.lines for word in line.found.split()]


def test_a_refused_call_is_shown_beside_the_allowed_one(account):
    keys = account.assumed(ACME)
    account.converse(keys, NOVA)
    other = "amazon.nova-micro-v1:0"
    for _ in range(2):
        assert account.refused(keys, other) == "AccessDeniedException"
    assert account.refused(keys, "amazon.Attack At Dawn") != ""
    review = account.review()
    assert [(use.model, use.calls) for use in review.uses] == [(NOVA, 1)]
    refusals = {item.subject: (item.operation, item.code, item.calls) for item in review.refusals}
    assert refusals[other] == ("bedrock:Converse", "AccessDenied", 2)
    assert set(refusals) == {other, "an id of another form"}


def test_a_caller_through_the_global_endpoint_of_sts_is_seen(account):
    """CloudTrail has its calls in us-east-1, wherever they are made."""
    account.owner("iam").update_assume_role_policy(
        RoleName="bedrock-dev-acme", PolicyDocument=json.dumps(account.trust(ACME, STRANGER))
    )
    account.assumed(STRANGER, region="us-east-1")
    [stranger] = account.review().strangers
    assert (stranger.account, stranger.region) == (STRANGER, "us-east-1")


def test_an_account_that_is_not_in_the_stanza_is_a_finding(account):
    account.assumed(ACME)
    assert account.report("acme").is_ok
    account.owner("iam").update_assume_role_policy(
        RoleName="bedrock-dev-acme", PolicyDocument=json.dumps(account.trust(ACME, STRANGER))
    )
    account.assumed(STRANGER)
    report = account.report("acme")
    assert not report.is_ok
    [review] = report.reading.tenants
    assert [caller.account for caller in review.strangers] == [STRANGER]
    [line] = [line for line in report.lines if line.is_finding]
    assert f"account {STRANGER}, which is not in the stanza" in line.found
    assert account.report("globex").is_ok


@pytest.mark.parametrize(
    ("name", "identity", "shown"),
    [
        (
            "AssumeRoleWithWebIdentity",
            {
                "type": "WebIdentityUser",
                "principalId": "accounts.google.com:app:jane.doe",
                "userName": "jane.doe",
                "identityProvider": "accounts.google.com",
            },
            "a caller without an account, which is not in the stanza: WebIdentityUser of accounts.google.com in ",
        ),
        (
            "AssumeRoleWithSAML",
            {"type": "SAMLUser", "principalId": "jane.doe", "identityProvider": "hash="},
            "a caller without an account, which is not in the stanza: SAMLUser of hash= in ",
        ),
        (
            "AssumeRole",
            {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"},
            "a caller without an account, which is not in the stanza: lambda.amazonaws.com in ",
        ),
    ],
)
def test_a_caller_without_an_account_is_a_finding(account, monkeypatch, name, identity, shown):
    """The local AWS has no identity providers, and none of its services assumes a tenant's role."""
    account.assumed(ACME)
    event = {"eventName": name, "eventSource": "sts.amazonaws.com", "userIdentity": identity}
    stranger = TrailEvent(datetime.now(UTC), HOME, event)

    def look_up(_reader, region, attribute, *_):
        lookup = trail_lookup.look_up(_reader, region, attribute, *_)
        is_role = (region, attribute) == (HOME, trail_lookup.RESOURCE_NAME)
        return replace(lookup, events=(stranger, *lookup.events)) if is_role else lookup

    monkeypatch.setattr("tools.verification.access_reading.look_up", look_up)
    report = account.report("acme")
    assert not report.is_ok
    [found] = [line.found for line in report.lines if line.is_finding]
    assert found.startswith(shown)
    assert "jane.doe" not in json.dumps(report.data)


def test_a_denied_assumption_is_seen_here_only_if_an_own_identity_made_it(account):
    account.assumed(ACME)
    role = account.environment.role_arn(OPERATIONS, "bedrock-dev-acme")
    stranger = account.client(account.cloud.control.account(STRANGER), "sts")
    own = account.owner("sts")
    for sts in (stranger, own):
        refusal(sts.assume_role, RoleArn=role, RoleSessionName="acme", ExternalId=EXTERNAL_ID)
    [denied] = account.review().refusals
    assert (denied.operation, denied.code, denied.calls) == ("sts:AssumeRole", "AccessDenied", 1)
    assert denied.principal.startswith(f"arn:aws:iam::{OPERATIONS}:user/")
    assert account.review("globex").refusals == ()


def test_no_prompt_external_id_or_session_name_is_shown(account, tmp_path):
    account.owner("iam").update_assume_role_policy(
        RoleName="bedrock-dev-acme", PolicyDocument=json.dumps(account.trust(ACME, OPERATIONS))
    )
    keys = account.assumed(ACME)
    account.converse(keys, NOVA)
    account.refused(keys, "amazon.nova-micro-v1:0")
    account.assumed(ACME, RoleSessionName="jane.doe@example.com")
    account.assumed(OPERATIONS, RoleSessionName="jane.doe@example.com")
    report = account.report()
    evidence = report.write(tmp_path).read_text()
    shown = json.dumps([line.found for line in report.lines]) + json.dumps(report.data) + evidence
    for secret in (PROMPT, EXTERNAL_ID, "jane.doe"):
        assert secret not in shown
    assert ACME in shown


def test_events_that_do_not_fit_leave_an_unused_grant_undecided(account, monkeypatch):
    monkeypatch.setattr(trail_lookup, "EVENTS", 2)
    keys = account.assumed(ACME)
    account.converse(keys, f"eu.{PRO}")
    account.converse(keys, NOVA)
    assert account.grants()["europe", HOME] == USED
    account.converse(keys, NOVA)
    review = account.review()
    europe, nova, near = (
        next(item for item in review.grants if (item.alias, item.region) == key)
        for key in (("europe", HOME), ("nova", HOME), ("nova", NEAR))
    )
    assert (europe.use, nova.use, near.use) == (CANNOT_TELL, USED, NEVER)
    assert europe.reason.startswith("only events from ")
    [partial] = review.partial
    assert partial.startswith(f"calls in {HOME} only from ")


def test_a_count_decides_where_the_events_do_not_fit(account, monkeypatch):
    monkeypatch.setattr(trail_lookup, "EVENTS", 1)
    keys = account.assumed(ACME)
    account.converse(keys, account.profile)
    account.converse(keys, NOVA)
    account.converse(keys, NOVA)
    assert account.grants()["claude", HOME] == USED


def test_a_call_that_is_not_counted_yet_is_a_use(account):
    account.cloud.control.post("metric_lag", {"seconds": 300})
    keys = account.assumed(ACME)
    account.converse(keys, NOVA)
    assert account.grants()["claude", HOME] == NEVER
    account.converse(keys, account.profile)
    [claude] = [item for item in account.review().grants if item.alias == "claude"]
    assert (claude.use, claude.known_by, claude.calls) == (USED, "CloudTrail", None)


def test_a_use_that_no_event_shows_is_no_proof_of_an_unused_grant(account):
    keys = account.assumed(ACME)
    account.client(keys, "sts").get_caller_identity()
    assert account.grants() == {
        ("nova", HOME): CANNOT_TELL,
        ("nova", NEAR): CANNOT_TELL,
        ("europe", HOME): CANNOT_TELL,
        ("claude", HOME): NEVER,  # which Bedrock counts
    }


@pytest.mark.parametrize(
    ("action", "known"),
    [
        ("cloudtrail:LookupEvents", CANNOT_TELL),
        ("bedrock:ListInferenceProfiles", NEVER),
        ("cloudwatch:GetMetricData", NEVER),
        ("iam:GetRole", NEVER),
    ],
)
def test_a_denied_read_is_named_and_stops_nothing_else(account, action, known):
    account.allow({"NotAction": action})
    report = account.report("acme")
    assert not report.is_ok
    assert report.unread
    assert all(action in sentence for sentence in report.unread)
    [review] = report.reading.tenants
    uses = {(item.alias, item.region): item.use for item in review.grants}
    assert uses["nova", HOME] == known


def test_a_region_that_does_not_answer_leaves_the_others(account):
    account.converse(account.assumed(ACME), NOVA)
    near = {"StringNotEquals": {"aws:RequestedRegion": NEAR}}
    account.allow(
        {"NotAction": "cloudtrail:LookupEvents"},
        {"Action": "cloudtrail:LookupEvents", "Condition": near},
    )
    assert account.grants() == {
        ("nova", HOME): USED,
        ("nova", NEAR): CANNOT_TELL,
        ("europe", HOME): NEVER,
        ("claude", HOME): NEVER,
    }


def test_it_needs_the_permissions_of_the_documentation_and_no_other(account):
    [block] = blocks("policy", "access")
    statements = json.loads(block.text.replace("prod", "dev"))["Statement"]
    account.allow(
        *(
            {"Action": statement["Action"], "Resource": statement["Resource"]}
            for statement in statements
        )
    )
    account.converse(account.assumed(ACME), NOVA)
    assert account.report().unread == ()


def test_a_role_that_is_not_there_is_named(account):
    environment = replace(ENVIRONMENT, name="other")
    account.environment = environment
    [sentence] = account.report("acme").unread
    assert sentence == "There is no role bedrock-other-acme; apply the operations account."


def test_the_newest_evidence_of_the_environment_is_named(account, tmp_path, monkeypatch):
    monkeypatch.setattr("tools.verification.filed_evidence.ROOT", tmp_path)
    assert [sentence.partition(";")[0] for sentence in account.report("acme").filed] == [
        "There is no certificate of a proof on this machine",
        "There is no verification on this machine",
    ]
    for name, made, proved in (("dev-1", "2026-11-01", True), ("dev-2", "2026-11-02", False)):
        folder = tmp_path / "proof" / name
        folder.mkdir(parents=True)
        data = {
            "environment": "dev",
            "made": f"{made}T10:00:00+00:00",
            "proved": proved,
            "subject": "the planned resources",
        }
        (folder / "certificate.json").write_text(json.dumps(data))
    (tmp_path / "evidence").mkdir()
    for scope, tenant, hour in (
        ("dev", None, "08"),
        ("dev-globex", "globex", "10"),
        ("dev-acme", "acme", "09"),
    ):
        started = f"2026-11-03T{hour}:00:00+00:00"
        data = {
            "environment": "dev",
            "tenant": tenant,
            "started": started,
            "lines": [{"status": "ok"}],
        }
        file = tmp_path / "evidence" / f"{scope}-verify-2026-11-03T{hour}0000Z.md"
        file.write_text(f"## Data\n\n```json\n{json.dumps(data)}\n```\n")
    report = account.report("acme")
    assert report.is_ok
    assert report.filed == [
        (
            "Newest certificate of a proof: proof/dev-2, 2026-11-02T10:00:00+00:00, "
            "not proved: tenant isolation in the planned resources."
        ),
        (
            "Newest verification: evidence/dev-acme-verify-2026-11-03T090000Z.md, "
            "2026-11-03T09:00:00+00:00, 1 ok, 0 faults, 0 cannot tell."
        ),
    ]
    certificate = tmp_path / "proof" / "dev-2" / "certificate.json"
    whole = json.loads(certificate.read_text())
    for content in ({"made": "2026-11-02T10:00:00"}, {"made": "yesterday"}, {"made": 7}, [], None):
        text = "{" if content is None else json.dumps(content and {**whole, **content})
        certificate.write_text(text)
        broken = account.report("acme")
        assert broken.filed[0].startswith("Newest certificate of a proof: proof/dev-1")
        [sentence] = broken.unread
        assert sentence.startswith("proof/dev-2/certificate.json cannot be read as evidence: ")


def test_a_report_of_a_verification_that_was_cut_is_named(account, tmp_path, monkeypatch):
    monkeypatch.setattr("tools.verification.filed_evidence.ROOT", tmp_path)
    (tmp_path / "evidence").mkdir()
    file = tmp_path / "evidence" / "dev-verify-2026-11-03T080000Z.md"
    for text in ("", "# Memorylessness of dev\n", "```json\n", "```json\n[]\n```\n"):
        file.write_text(text)
        report = account.report("acme")
        [sentence] = report.unread
        assert sentence.startswith(f"evidence/{file.name} cannot be read as evidence: ")
        assert report.filed[1].startswith("There is no verification on this machine")


def test_a_text_in_the_place_of_a_model_is_not_shown():
    def shown(model):
        content = {"requestParameters": {"modelId": model}}
        return TrailEvent(datetime.now(UTC), HOME, content).model_id

    profile = f"arn:aws:bedrock:{HOME}:{OPERATIONS}:application-inference-profile/abc123"
    for model in (NOVA, f"eu.{PRO}", profile):
        assert shown(model) == model
    for text in ("Attack at dawn", "x" * 200, "jane.doe@example.com", "a\nb"):
        assert shown(text) == "an id of another form"
