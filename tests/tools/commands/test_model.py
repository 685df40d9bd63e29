"""`make model`: what it writes at each step, how it corrects and goes back, and what it refuses to write."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from tools.command_error import CommandError
from tools.commands import model as command
from tools.environment.hcl import decode_hcl
from tools.environment.model import load_environment

LITE, PRO, MICRO = (f"amazon.nova-{size}-v1:0" for size in ("lite", "pro", "micro"))
TFVARS = f"""\
operations = {{ account_id = "111111111111", region = "eu-central-1" }}
tenants = {{
  acme = {{
    accounts = {{ "222222222222" = {{}} }}
    models = {{
      nova = {{ model = "{LITE}", regions = ["eu-central-1"], streaming = false }} # ours
    }}
  }}
}}
"""


@dataclass
class Step:
    """Runs the command on a file of its own, beside a bucket with the hand-over of ``applied``."""

    tfvars: object
    monkeypatch: object
    applied: dict | None = None

    def handover(self, _tenant):
        entry = self.applied
        model = {
            "base_model_id": entry["model"],
            "model": entry["model"],
            "regions": entry["regions"],
        }
        return {"models": {"nova": model}}

    def tenants_with_handover(self):
        return frozenset({"acme"} if self.applied else ())

    def run(self, **values):
        environment = load_environment("local")
        session = SimpleNamespace(
            environment=SimpleNamespace(
                name="local", tfvars=self.tfvars, accounts_of=environment.accounts_of,
                operations_region="eu-central-1",
            ),
            bucket=self,
        )  # fmt: skip
        options = [f"--{name}={value}" for name, value in values.items()]
        self.monkeypatch.setattr(command, "open_session", lambda _, **__: session)
        self.monkeypatch.setattr(
            "sys.argv", ["model", "--env=local", "--tenant=acme", "--name=nova", *options]
        )
        command.main()
        return self.nova

    @property
    def nova(self):
        return decode_hcl(self.tfvars.read_bytes())["tenants"]["acme"]["models"]["nova"]


OLD = decode_hcl(TFVARS.encode())["tenants"]["acme"]["models"]["nova"]


@pytest.fixture
def step(tmp_path, monkeypatch):
    file = tmp_path / "terraform.tfvars"
    file.write_text(TFVARS)
    return Step(file, monkeypatch, applied=OLD)


@pytest.mark.parametrize(
    "values",
    [
        {"route": "globall"},
        {"route": "geographic"},
        {"model": f"eu.{PRO}"},
        {"regions": "eu-central-1;eu-west-1"},
        {"profile": "eu."},
    ],
)
def test_writes_nothing_that_no_plan_accepts(step, values):
    with pytest.raises(CommandError, match="Nothing was changed"):
        step.run(**values)
    assert step.tfvars.read_text() == TFVARS


@pytest.mark.parametrize("regions", ["eu-central-1,eu-west-1", "eu-central-1 eu-west-1"])
def test_spaces_or_commas_separate_regions(step, regions):
    assert step.run(regions=regions)["regions"] == ["eu-central-1", "eu-west-1"]


def test_the_default_route_is_no_change(step):
    with pytest.raises(CommandError, match="nothing to finish"):
        step.run(route="on-demand")


def test_a_change_that_is_not_applied_yet_can_be_corrected(step):
    step.run(model=PRO)
    assert step.run(model=MICRO) == {**OLD, "model": MICRO, "previous": OLD}
    assert step.run(route="global")["previous"] == OLD
    assert step.run(route="on-demand")["model"] == MICRO


def test_a_change_that_is_not_applied_yet_can_be_undone(step):
    step.run(model=PRO)
    assert step.run(model=LITE) == OLD


def test_an_applied_change_goes_back_by_the_values_of_previous(step):
    step.run(model=PRO, route="geographic", profile="eu.")
    step.applied = {**OLD, "model": PRO}
    changed = {name: value for name, value in step.nova.items() if name != "previous"}
    assert step.run(model=LITE) == {**OLD, "previous": changed}


def test_going_back_takes_what_previous_says_about_streaming_too(step):
    step.run(model=PRO)
    text = step.tfvars.read_text()
    step.tfvars.write_text(text.replace("streaming = false }}", "streaming = false }}", 1))
    step.tfvars.write_text(step.tfvars.read_text().replace("], streaming = false }", "] }", 1))
    step.applied = {**OLD, "model": PRO}
    before = step.nova
    after = step.run(model=before["previous"]["model"])
    assert after.get("streaming") == before["previous"].get("streaming")
    assert after["previous"].get("streaming") == before.get("streaming")


def test_an_applied_change_to_a_third_model_is_refused_with_the_way_back(step):
    step.run(model=PRO)
    step.applied = {**OLD, "model": PRO}
    with pytest.raises(CommandError, match=f"To go back, .* MODEL={LITE}"):
        step.run(model=MICRO)
