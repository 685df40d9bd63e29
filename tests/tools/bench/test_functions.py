"""The sections of `make bench` that measure the handler: they measure every variant and write figures.

No test depends on how fast this machine is.
"""

import json
import re

import pytest

from tools.bench import figures, functions, lab
from tools.bench.figures import VARIANTS, Figure, Goal, Section
from tools.commands import bench
from tools.packaging import archive

COUNTING = """
import json, os
count = 0
settings = json.loads(os.environ["TENANT_BEDROCK"])

def handler(event, context):
    global count
    count += 1
    return {
        "count": count,
        "tenant": settings["tenant"],
        "chunks": len(event["prompt"]),
        "milliseconds": [1.0] * event.get("times", 1),
    }
"""


@pytest.fixture(scope="module")
def lab_functions(tmp_path_factory):
    """A lab whose three functions count their invocations and call nothing."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "entry.py").write_text(COUNTING)
    packed = tree.parent / "counting.zip"
    archive.pack(tree, packed)
    with lab.lab(dict.fromkeys(VARIANTS, packed)) as comparison:
        yield comparison


def test_an_invocation_is_reported_as_lambda_reports_it(lab_functions):
    lab_functions.renew("raw")
    first, second = (
        lab_functions.invoke("raw", {"prompt": "x"}),
        lab_functions.invoke("raw", {"prompt": "x"}),
    )

    assert (first.answer["count"], second.answer["count"]) == (1, 2)
    assert first.init > 0
    assert second.init is None
    assert 0 < second.duration < first.init + first.duration
    assert second.memory > 5


def test_a_renewed_function_starts_cold(lab_functions):
    lab_functions.invoke("ours", {"prompt": "x"})
    lab_functions.renew("ours")

    assert lab_functions.invoke("ours", {"prompt": "x"}).answer["count"] == 1


@pytest.mark.parametrize("name", sorted(set(functions.SECTIONS) - {"size"}))
def test_a_section_measures_every_variant(lab_functions, name):
    section = functions.SECTIONS[name][0](lab_functions, 2)

    for figure in section.figures:
        assert set(figure.samples) == set(VARIANTS)
        assert all(figure.samples.values())
        if figure.unit != "calls":
            assert min(value for values in figure.samples.values() for value in values) > 0


def test_calls_are_the_functions_own_and_not_the_platforms(lab_functions):
    calls = functions.SECTIONS["warm"][0](lab_functions, 1).figures[2:]

    assert [figure.samples for figure in calls] == [{variant: [0] for variant in VARIANTS}] * 2


def test_the_99th_percentile_is_the_one_a_hundredth_exceed():
    figure = Figure("", "ms", {"ours": [float(n) for n in range(1, 201)]})

    assert (figure.median("ours"), figure.p99("ours")) == (100.5, 198.0)
    assert Figure("", "ms", {"ours": [3.0, 1.0]}).p99("ours") == 3.0


MACHINE = {"cores": 2, "cpu": "a processor", "load": (0.1, 0.2, 0.3), "python": "3.13.0"}
COLD = Section(
    [Figure("cold start", "ms", {"raw": [250.0, 260.0], "usual": [1000.0], "ours": [400.0]})],
    [Goal("the time of raw boto3", 1.6, 2, "times"), Goal("calls of STS", 1, 0, "calls")],
)


def test_a_section_is_written_with_its_samples_and_goals(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "RESULTS", tmp_path)

    content = json.loads(figures.write("cold", MACHINE, COLD).read_text())

    assert content["figures"][0]["median"] == {"raw": 255.0, "usual": 1000.0, "ours": 400.0}
    assert content["figures"][0]["samples"]["raw"] == [250.0, 260.0]
    assert [goal["is_met"] for goal in content["goals"]] == [True, False]


def test_the_table_has_medians_and_99th_percentiles(capsys):
    figures.show("cold", MACHINE, COLD)

    lines = capsys.readouterr().out.splitlines()
    assert "2 cores, a processor, load 0.1 0.2 0.3" in lines
    (row,) = [line for line in lines if line.startswith("cold start")]
    assert re.findall(r"[\d.]+ ms(?: \(\d+\))?", row) == ["255 ms (260)", "1000 ms", "400 ms"]
    assert "met: the time of raw boto3: 1.6 times, at most 2" in lines
    assert "missed: calls of STS: 1 calls, at most 0" in lines


def test_the_help_explains_every_section():
    for name in bench.SECTIONS:
        assert re.search(rf"ONLY={name}\s", bench.__doc__), name
