"""The proofs of all parts make one proof, and parts that do not belong together make none."""

import hashlib
import json
import re
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from tools.command_error import CommandError
from tools.commands import apply, drift, prove
from tools.environment.model import load_environment
from tools.isolation import solvers
from tools.isolation.certificate import EXISTING, PLANNED
from tools.proof import folder as proof_folder
from tools.proof.combining import combine_proofs, show_combined
from tools.proof.drift_report import combine_reports, write_report
from tools.proof.drift_search import Difference
from tools.proof.environment_parts import EnvironmentPart, missing_states
from tools.proof.folder import plan_path, read_certified
from tools.proof.provenance import code_sha256
from tools.terraform.state import customer_state, operations_states

LOCAL = load_environment("local")
OPERATIONS = operations_states(LOCAL)
CUSTOMERS = [customer_state(account) for account in LOCAL.accounts]
OPERATIONS_PLAN = {"operations.tfstate": hashlib.sha256(b"operations.tfstate").hexdigest()}


def plan(root="operations account", **changes):
    """What a certificate says of the proof of one plan."""
    return {
        "root": root, "sha256": "0" * 64, "proved": True, "claims": 5, "faults": [], "failed": [],
        **changes,
    }  # fmt: skip


def certificate(states, operations, **changes):
    """The certificate of a part, as far as the combined one takes it."""
    files = [
        {
            "state": state.key, "tenant": state.tenant, "changes": "No changes.", "zips": {},
            "sha256": hashlib.sha256(state.key.encode()).hexdigest(), "handover_sha256": None,
            "json_sha256": "0" * 64,
        }
        for state in states
    ]  # fmt: skip
    return {
        "environment": "local",
        "subject": PLANNED,
        "proved": True,
        "made": "2026-11-27T10:00:00+00:00",
        "seconds": 1.5,
        "solvers": solvers.versions(),
        "provenance": {
            "tfvars_sha256": LOCAL.tfvars_sha256,
            "code_sha256": code_sha256(),
            "terraform": ["1.11.4"],
            "providers": {"hashicorp/aws": "5.100.0"},
        },
        "plan_files": files,
        "counts": {"tenants": len(states), "claims": 5, "distinct": 4},
        "part": {"covered": [state.label for state in states], "operations": operations},
        "waiting": [],
        "unchanged": [],
        "compared": {},
        "plans": [plan() for _ in states],
        "unread": [],
        "not_covered": ["what nothing covers"],
        **changes,
    }  # fmt: skip


class Parts:
    """The folders of the proofs of three parts."""

    def __init__(self, folder):
        self.folder = folder
        self.add("operations", OPERATIONS, {})
        self.add("first", CUSTOMERS[:2], OPERATIONS_PLAN)
        self.add("second", CUSTOMERS[2:], OPERATIONS_PLAN)

    def add(self, name, states, operations, **changes):
        part = self.folder / name
        part.mkdir(exist_ok=True)
        data = certificate(states, operations, **changes)
        (part / "certificate.json").write_text(json.dumps(data))
        (part / "certificate.md").write_text(f"# The certificate of {name}\n")
        for state in states:
            file = plan_path(part, state)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(state.key.encode())
        return part

    def combine(self, environment=LOCAL):
        return combine_proofs(environment, self.folder)


@pytest.fixture
def parts(tmp_path, monkeypatch):
    monkeypatch.setattr(proof_folder, "PROOFS", tmp_path / "proof")
    (tmp_path / "parts").mkdir()
    return Parts(tmp_path / "parts")


def test_the_combined_proof_has_the_plans_of_all_parts_for_an_apply(parts):
    report, markdown = parts.combine()
    assert (report.verdict, report.holds) == ("Proved", True)
    certified = read_certified(markdown.parent, "local", None)
    states = [*OPERATIONS, *CUSTOMERS]
    assert certified.files.keys() == {state.key for state in states}
    for state in states:
        target = parts.folder / "copy"
        certified.copy(state, target)
        assert target.read_bytes() == state.key.encode()
    certified.check_variables(LOCAL.tfvars)
    assert report.counts() == {"tenants": 2, "claims": 15, "distinct": 12}
    text = markdown.read_text()
    assert text.startswith("# Proved: tenant isolation in the environment local")
    for part in report.parts:
        assert f"| {part.name} | {len(part.covered)} | proved | `{part.sha256}` |" in text
        copy = markdown.parent / "parts" / part.name / "certificate.json"
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == part.sha256


def test_one_part_that_is_not_proved_keeps_the_whole_from_being_proved(parts, capfd):
    fault = {"subject": "globex", "about": "permissions", "problem": "may do too much"}
    wide = [plan(), plan(proved=False, failed=[fault])]
    parts.add("second", CUSTOMERS[2:], OPERATIONS_PLAN, proved=False, plans=wide)
    report, markdown = parts.combine()
    assert (report.verdict, report.holds) == ("Not proved", False)
    assert "globex, permissions: may do too much" in markdown.read_text()
    with pytest.raises(CommandError, match="says that the plans are not proved"):
        read_certified(markdown.parent, "local", None)


def test_what_one_part_could_not_read_makes_it_proved_in_part(parts):
    unread = ["The key of globex could not be read."]
    parts.add("second", CUSTOMERS[2:], OPERATIONS_PLAN, proved=False, unread=unread)
    report, markdown = parts.combine()
    assert (report.verdict, report.holds) == ("Proved in part", False)
    assert unread[0] in markdown.read_text()


def test_a_part_whose_accounts_are_as_they_were_applied_has_nothing_to_prove(parts):
    labels = [state.label for state in CUSTOMERS[2:]]
    covered = {"covered": labels, "operations": OPERATIONS_PLAN}
    parts.add("second", [], {}, part=covered)
    with pytest.raises(CommandError, match=f"has no plan of {', '.join(labels)} and does not say"):
        parts.combine()
    waiting = [f"{label} (its hand-over is known after the operations apply)" for label in labels]
    parts.add("second", [], {}, part=covered, waiting=waiting)
    assert parts.combine()[0].holds
    parts.add("second", [], {}, part=covered, unchanged=labels)
    report, markdown = parts.combine()
    assert report.holds
    assert "| second | 2 | nothing to prove |" in markdown.read_text()
    assert read_certified(markdown.parent, "local", None).unchanged == frozenset(labels)


def test_a_proof_without_plan_files_is_of_a_part_of_planned_accounts_or_refused(parts):
    part = {"covered": [], "operations": OPERATIONS_PLAN}
    empty = parts.add("second", [], {}, part=part)
    assert read_certified(empty, "local", None).files == {}
    for changes in ({"subject": EXISTING}, {"part": None}):
        parts.add("second", [], {}, **{"part": part, **changes})
        with pytest.raises(CommandError, match="names no plan file"):
            read_certified(empty, "local", None)


def test_an_apply_takes_from_the_proof_of_a_part_only_its_states(parts):
    part = read_certified(parts.folder / "first", "local", None)
    part.check_part(CUSTOMERS[:2])
    with pytest.raises(CommandError, match=f"without {CUSTOMERS[2].label}. Nothing"):
        part.check_part(CUSTOMERS[:3])
    _, markdown = parts.combine()
    read_certified(markdown.parent, "local", None).check_part([*OPERATIONS, *CUSTOMERS])


def test_make_apply_refuses_accounts_that_are_not_in_the_part_that_was_proved(parts, monkeypatch):
    monkeypatch.setattr(apply, "open_session", lambda _: SimpleNamespace(environment=LOCAL))
    words = [f"--proof={parts.folder / 'first'}", f"--part={LOCAL.accounts[3].name}"]
    monkeypatch.setattr("sys.argv", ["apply", "--env=local", *words])
    with pytest.raises(CommandError, match=f"a part of .* without {CUSTOMERS[3].label}"):
        apply.main()


def test_a_part_of_accounts_that_customers_manage_is_empty_and_they_are_named(parts):
    acme = {**LOCAL.stanzas["acme"], "accounts": {"222222222222": {"managed_by": "customer"}}}
    environment = replace(LOCAL, stanzas={**LOCAL.stanzas, "acme": acme})
    parts.add("first", CUSTOMERS[1:2], OPERATIONS_PLAN)
    parts.add("managed by customers", [], {})
    _, markdown = parts.combine(environment)
    assert "not planned: acme 222222222222 (managed by its customer)" in markdown.read_text()


OTHER_ORIGIN = {**certificate([], {})["provenance"]}


@pytest.mark.parametrize(
    ("states", "operations", "changes", "sentence"),
    [
        (CUSTOMERS[3:], OPERATIONS_PLAN, {}, f"No proof in .* is about {CUSTOMERS[2].label}, so"),
        (
            CUSTOMERS[1:],
            OPERATIONS_PLAN,
            {},
            f"{CUSTOMERS[1].label} is in two parts: .*first.* and .*second",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"environment": "prod"},
            'second.* is of the environment "prod"',
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"part": {"covered": ["umbrella 666666666666"], "operations": {}}, "plan_files": []},
            "second.* is about umbrella 666666666666, which the operator of local does not apply",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"part": None},
            "second.* is not the certificate of a part",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"provenance": {**OTHER_ORIGIN, "tfvars_sha256": "1" * 64}},
            r"second.* was made with another terraform\.tfvars, or with another tenant",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"provenance": {**OTHER_ORIGIN, "code_sha256": "1" * 64}},
            "second.* was made by other code than the one that is here now",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"provenance": {**OTHER_ORIGIN, "providers": {"hashicorp/aws": "5.99.0"}}},
            r"The version of hashicorp/aws of .*second.* is 5\.99\.0 and that of .* is 5\.100\.0",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"provenance": {**OTHER_ORIGIN, "terraform": ["1.12.0"]}},
            r"The version of Terraform of .*second.* is 1\.12\.0 and that of",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"solvers": {**solvers.versions(), "z3": "1.0"}},
            r"The version of z3 of .*second.* is 1\.0 and that of",
        ),
        (
            CUSTOMERS[2:],
            OPERATIONS_PLAN,
            {"subject": "the existing resources"},
            "The subject of .*second.* is the existing resources and that of .* is the planned",
        ),
        (
            CUSTOMERS[2:],
            {"operations.tfstate": "1" * 64},
            {},
            "second.* was not made with the operations plans of the other parts",
        ),
        (CUSTOMERS[2:], {}, {}, "second.* was not made with the operations plans of the other"),
    ],
    ids=[
        "missing", "doubled", "another environment", "another account", "not a part",
        "other variables", "other code", "another provider", "another Terraform", "other solvers",
        "existing beside planned", "other operations plans", "no operations plans",
    ],
)  # fmt: skip
def test_a_part_that_does_not_belong_to_the_others_is_refused(
    parts, states, operations, changes, sentence
):
    parts.combine()
    parts.add("second", states, operations, **changes)
    with pytest.raises(CommandError, match=sentence):
        parts.combine()


def test_a_part_without_a_proof_is_missed_and_so_are_all_of_them(parts, tmp_path):
    (parts.folder / "operations" / "certificate.json").unlink()
    with pytest.raises(CommandError, match="is about operations account, so nothing is combined"):
        parts.combine()
    with pytest.raises(CommandError, match=r"There is no certificate\.json in"):
        combine_proofs(LOCAL, tmp_path / "absent")


def test_a_plan_file_that_is_not_the_one_that_was_proved_is_refused(parts):
    plan_path(parts.folder / "second", CUSTOMERS[2]).write_bytes(b"another plan")
    with pytest.raises(CommandError, match="is not the plan of .* that was proved"):
        parts.combine()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plans": [plan(), plan(proved=False)]}, "and not that all of its plans are"),
        ({"plans": [plan(sha256="1" * 64)]}, "and not that all of its plans are"),
        ({"plans": []}, "and not that all of its plans are"),
        ({"unread": ["The key could not be read."]}, "and not that all of its plans are"),
        ({"plan_files": []}, f"has no plan of {CUSTOMERS[2].label}, {CUSTOMERS[3].label} and"),
        (
            {"plan_files": certificate(CUSTOMERS[1:], {})["plan_files"]},
            f"has a plan of {CUSTOMERS[1].label}, which is no state of its part",
        ),
        ({"proved": "false"}, "not a certificate as .* writes it: proved; make"),
        ({"made": "2026-11-27T10:00:00"}, "not a certificate as .* writes it: made; make"),
        (
            {"plans": [plan(proved=1)]},
            r"not a certificate as .* writes it: plans\[0\]\.proved; make",
        ),
        ({"counts": {"tenants": 2}}, r"not a certificate as .* writes it: counts\.claims; make"),
        ({"part": {}}, r"not a certificate as .* writes it: part\.\w+, part\.\w+; make"),
        ({"provenance": None}, "not a certificate as .* writes it: provenance; make"),
        ({"solvers": ["z3"]}, "not a certificate as .* writes it: solvers; make"),
    ],
)
def test_a_certificate_that_contradicts_itself_or_has_another_form_is_refused(
    parts, changes, sentence
):
    parts.combine()
    parts.add("second", CUSTOMERS[2:], OPERATIONS_PLAN, **changes)
    with pytest.raises(CommandError, match=f"second/certificate.json .*{sentence}"):
        parts.combine()


def test_each_part_has_a_folder_of_its_own_however_they_lie(parts):
    (parts.folder / "first").rename(parts.folder / "second" / "first")
    _, markdown = parts.combine()
    copies = {file.parent.name for file in (markdown.parent / "parts").rglob("certificate.json")}
    assert copies == {"operations", "first", "second"}
    for file in (parts.folder / "operations").iterdir():
        file.rename(parts.folder / file.name)
    (parts.folder / "second").rename(parts.folder / parts.folder.name)
    with pytest.raises(CommandError, match="Two proofs in .* have the name parts; move each into"):
        parts.combine()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"part": {}}', '{"part":' + "[" * 99_999])
def test_another_file_in_the_place_of_a_certificate_is_refused(parts, content):
    (parts.folder / "second" / "certificate.json").write_text(content)
    with pytest.raises(CommandError, match=r"second/certificate\.json is not "):
        parts.combine()


def test_the_command_shows_each_part(parts, capfd, monkeypatch):
    monkeypatch.setattr("tools.proof.combining.ROOT", parts.folder.parent)
    show_combined(*parts.combine())
    printed = capfd.readouterr().out
    assert re.search(r"^operations +1 +proved", printed, re.MULTILINE)
    assert "15 claims about 2 tenants, in 5 states of 3 parts." in printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--combine=x", "--part=operations"], "leave out PART="),
        (["--combine=x", "--state"], "leave out STATE="),
        (["--combine=x", "--proof=y"], "leave out PROOF="),
        (["--part=operations", "--plan=x"], "leave out PART="),
        (["--proof=x"], "PROOF= says what the operations account will hand over"),
        (["--proof=x", "--part=operations"], "to the customer accounts in PART="),
        (["--proof=x", "--part=acme/222222222222", "--state"], "leave out STATE=1"),
    ],
)
def test_make_prove_refuses_options_that_do_not_go_together(monkeypatch, words, sentence):
    monkeypatch.setattr("sys.argv", ["prove", "--env=local", *words])
    with pytest.raises(CommandError, match=sentence):
        prove.main()


@pytest.mark.parametrize("option", ["PART=operations", "COMBINE=x"])
def test_a_part_of_all_environments_is_refused(monkeypatch, option):
    name, value = option.split("=")
    monkeypatch.setattr("sys.argv", ["prove", "--env=all", f"--{name.lower()}={value}"])
    with pytest.raises(CommandError, match=f"{name}= is about one environment"):
        prove.main()


# --- drift ---

ROW = Difference(CUSTOMERS[0].label, "plan", "drifted", "~ change x")


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """What two parts wrote, in folders side by side."""
    parts = {"operations": (OPERATIONS, []), "customers": (CUSTOMERS, [ROW])}
    for name, (states, rows) in parts.items():
        monkeypatch.setattr("tools.proof.drift_report.BUILD", tmp_path / name)
        write_report(LOCAL, states, rows)
    return tmp_path


def test_the_rows_of_all_parts_are_one_table(reports, monkeypatch, capfd):
    assert combine_reports(LOCAL, reports) == [ROW]
    monkeypatch.setattr("sys.argv", ["drift", "--env=local", f"--combine={reports}"])
    assert drift.main() == 1
    assert "In the operations account and 4 customer accounts, 1 rows" in capfd.readouterr().out


def test_a_state_at_which_no_part_has_looked_is_a_row(reports, monkeypatch, capfd):
    (reports / "customers" / "drift" / "drift.json").unlink()
    rows = combine_reports(LOCAL, reports)
    assert [row.account for row in rows] == [state.label for state in CUSTOMERS]
    assert {(row.about, row.state) for row in rows} == {("everything", "cannot tell")}
    monkeypatch.setattr("sys.argv", ["drift", "--env=local", f"--combine={reports}"])
    assert drift.main() == 3
    assert "no part has looked at it" in capfd.readouterr().out


def test_a_report_that_is_there_twice_or_is_none_is_refused(reports, tmp_path_factory):
    copy = reports / "copy"
    copy.mkdir()
    file = reports / "operations" / "drift" / "drift.json"
    (copy / "drift.json").write_bytes(file.read_bytes())
    with pytest.raises(CommandError, match="operations account is in two parts"):
        combine_reports(LOCAL, reports)
    data = {**json.loads(file.read_text()), "covered": []}
    row = asdict(ROW)
    others = [
        {**row, "state": "ok"},
        {**row, "account": 1},
        {**row, "when": ""},
        {"what": ""},
        "row",
    ]
    contents = ["{}", "[" * 99_999, *(json.dumps({**data, "rows": [other]}) for other in others)]
    for content in contents:
        (copy / "drift.json").write_text(content)
        with pytest.raises(CommandError, match=r"copy/drift\.json is not what `make drift`"):
            combine_reports(LOCAL, reports)
    (copy / "drift.json").write_text(json.dumps({**data, "rows": [row]}))
    assert combine_reports(LOCAL, reports).count(ROW) == 2
    with pytest.raises(CommandError, match=r"There is no drift\.json"):
        combine_reports(LOCAL, tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize("word", ["--tenant=acme", "--part=operations"])
def test_make_drift_refuses_a_selection_beside_combine(reports, monkeypatch, word):
    monkeypatch.setattr("sys.argv", ["drift", "--env=local", f"--combine={reports}", word])
    with pytest.raises(CommandError, match="leave out TENANT= and PART="):
        drift.main()


def test_parts_of_an_environment_that_are_complete_miss_nothing(tmp_path):
    whole = EnvironmentPart(
        tmp_path,
        "local",
        LOCAL.tfvars_sha256,
        code_sha256(),
        tuple(state.label for state in (*OPERATIONS, *CUSTOMERS)),
    )
    assert missing_states(LOCAL, [whole]) == []
    assert missing_states(LOCAL, [replace(whole, covered=())]) == list(whole.covered)
