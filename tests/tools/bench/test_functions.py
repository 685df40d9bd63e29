"""`make bench` of the handler: that it measures what it says, and that README says what it measured.

No test waits for a time: how fast this machine is today is not what they are about.
"""

import json
import re

import pytest

from tools.bench import figures as report
from tools.bench import functions, lab
from tools.bench import plan_time as plan
from tools.bench.functions import VARIANTS, Figure, Section
from tools.bench.goals import Goal
from tools.bench.zips import Zip
from tools.packaging import archive

COUNTING = """
import json, os
count = 0
told = json.loads(os.environ["TENANT_BEDROCK"])

def handler(event, context):
    global count
    count += 1
    took = [1.0] * event.get("times", 1)
    return {"count": count, "tenant": told["tenant"], "chunks": len(event["prompt"]), "took": took}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A lab whose three functions count their invocations and call nobody."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "counting.py").write_text(COUNTING)
    packed = tree.parent / "counting.zip"
    archive.pack(tree, packed)
    with lab.lab([Zip(name, name, packed, "counting.handler") for name in VARIANTS]) as made:
        yield made


def test_an_invocation_is_reported_as_lambda_reports_it(running):
    running.renew("raw")
    first, second = running.invoke("raw", {"prompt": "x"}), running.invoke("raw", {"prompt": "x"})

    assert (first.answer["count"], second.answer["count"]) == (1, 2)
    assert first.init > 0
    assert second.init is None
    assert 0 < second.duration < first.init + first.duration
    assert second.memory > 5


def test_a_renewed_function_starts_cold(running):
    running.invoke("ours", {"prompt": "x"})
    running.renew("ours")

    assert running.invoke("ours", {"prompt": "x"}).answer["count"] == 1


@pytest.mark.parametrize("name", sorted(set(functions.SECTIONS) - {"size"}))
def test_a_section_measures_every_variant(running, name):
    section = functions.SECTIONS[name][0](running, 2)

    for figure in section.figures:
        assert set(figure.samples) == set(VARIANTS)
        assert all(figure.samples.values())
        if figure.unit != "calls":
            assert min(value for values in figure.samples.values() for value in values) > 0


def test_calls_are_the_functions_own_and_not_the_platforms(running):
    calls = functions.SECTIONS["warm"][0](running, 1).figures[2:]

    assert [figure.samples for figure in calls] == [{variant: [0] for variant in VARIANTS}] * 2


def test_the_99th_percentile_is_the_one_a_hundredth_exceed():
    figure = Figure("", "ms", {"ours": [float(n) for n in range(1, 201)]})

    assert (figure.median("ours"), figure.p99("ours")) == (100.5, 198.0)
    assert Figure("", "ms", {"ours": [3.0, 1.0]}).p99("ours") == 3.0


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Everything the report writes, in a folder of its own."""
    names = {
        "JSON": "functions.json",
        "PICTURE": "functions.png",
        "PUBLISHED": "published.json",
        "PUBLISHED_PICTURE": "published.png",
        "README": "README.md",
    }
    for name, file in names.items():
        monkeypatch.setattr(report, name, tmp_path / file)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path


MACHINE = {"cores": 2, "cpu": "a processor", "load": (0.1, 0.2, 0.3), "python": "3.13.0"}


def section(what, raw, ours):
    samples = {"raw": raw, "naive": [1000.0], "ours": ours}
    return Section([Figure(what, "ms", samples)], [Goal("quick", "1 ms", True)])


def test_a_section_alone_leaves_the_figures_of_the_others(results):
    report.write(MACHINE, {"cold": section("cold start", [250.0], [400.0])})
    report.write(MACHINE, {"warm": section("warm", [2.0, 4.0], [3.0])})

    content = json.loads((results / "functions.json").read_text())
    assert list(content) == ["cold", "warm"]
    assert content["warm"]["figures"][0]["median"] == {"raw": 3.0, "naive": 1000.0, "ours": 3.0}
    assert (results / "functions.png").read_bytes().startswith(b"\x89PNG")


def test_readmes_table_is_written_between_its_marks_and_nothing_else_is(results):
    report.write(MACHINE, {"cold": section("cold start", [250.0, 260.0], [400.0])})
    report.README.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")

    report.publish()

    assert report.README.read_text() == (
        f"before\n{report.BEGIN}\n"
        "| median (99th percentile) | raw boto3 | LangChain, as usual | this package |\n"
        "|---|---|---|---|\n"
        "| cold start | 255 ms (260) | 1000 ms | 400 ms |\n"
        "\n- met: quick: 1 ms\n"
        "\nTaken on 2 cores, a processor, at a load of 0.1 to 0.1 before each section began.\n"
        f"{report.END}\nafter\n"
    )


def test_readme_holds_the_table_of_the_figures_that_are_kept():
    kept = json.loads(report.PUBLISHED.read_text())

    assert report.block(kept) in report.README.read_text()
    assert set(kept) == set(functions.SECTIONS)


def test_every_section_can_be_asked_for_alone():
    help_text = (plan.ROOT / "commands" / "bench.py").read_text()

    for name in ("plan", *functions.SECTIONS):
        assert re.search(rf"ONLY={name}\s", help_text), name
