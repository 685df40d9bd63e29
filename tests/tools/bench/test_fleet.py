"""The copy of the project in which the bench kills applies."""

from tools.bench.fleet import Fleet


def test_its_make_does_not_take_the_variables_of_the_bench(tmp_path, monkeypatch):
    (tmp_path / "Makefile").write_text("apply:\n\t@echo [$(ONLY)]\n")
    monkeypatch.setenv("MAKEFLAGS", " -- ONLY=kills")
    monkeypatch.setenv("MAKELEVEL", "1")
    assert Fleet(tmp_path, {}).run("make apply").output == "[]\n"
    assert Fleet(tmp_path, {}).run("make apply ONLY=faults").output == "[faults]\n"
