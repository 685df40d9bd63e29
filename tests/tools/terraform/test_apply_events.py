"""The lines of progress while terraform works, and its errors as text."""

import json

from tools.terraform import apply_events
from tools.terraform.apply_events import ApplyProgress, change_summary, errors


def event(type_, **parts):
    return json.dumps({"type": type_, **parts}) + "\n"


def hook(type_, address, **parts):
    return event(type_, hook={"resource": {"addr": address}, **parts})


def test_counts_what_is_done_of_all_and_names_the_account():
    lines = []
    watch = ApplyProgress("acme 222222222222", 2, lines.append).watch
    watch(hook("apply_start", "a", action="create"), 0.5)
    watch(hook("apply_complete", "a") + hook("apply_complete", "b"), 1.0)
    assert lines == ["acme 222222222222: 2 of 2 resources"]


def test_says_what_takes_long(monkeypatch):
    monkeypatch.setattr(apply_events, "LINE_SECONDS", 0.0)
    lines = []
    watch = ApplyProgress("acme", 3, lines.append).watch
    watch(hook("apply_progress", "aws_vpc_endpoint.this", action="create", elapsed_seconds=20), 20)
    assert lines == ["acme: 0 of 3 resources, creating aws_vpc_endpoint.this for 20 s"]


def test_is_never_silent_for_long(monkeypatch):
    lines = []
    watch = ApplyProgress("acme", 3, lines.append).watch
    watch("", 5.0)
    assert lines == []
    monkeypatch.setattr(apply_events, "QUIET_SECONDS", 0.0)
    watch("", 12.0)
    assert lines == ["acme: 0 of 3 resources, still at work after 12 s"]


def test_takes_the_total_of_a_destroy_from_its_own_plan():
    lines = []
    watch = ApplyProgress("acme", 0, lines.append).watch
    watch(event("change_summary", changes={"add": 0, "change": 0, "remove": 1}), 1.0)
    watch(hook("apply_complete", "a"), 2.0)
    assert lines == ["acme: 1 of 1 resources"]


def test_names_what_failed_at_once():
    lines = []
    ApplyProgress("acme", 3, lines.append).watch(hook("apply_errored", "aws_iam_role.this"), 1.0)
    assert lines == ["acme: failed at aws_iam_role.this"]


def test_errors_are_shown_in_terraforms_words_without_the_events():
    diagnostic = {"severity": "error", "summary": "denied", "detail": "Ask.", "address": "a.b"}
    warning = {"severity": "warning", "summary": "old"}
    text = event("version") + event("diagnostic", diagnostic=diagnostic)
    assert errors(text + event("diagnostic", diagnostic=warning) + '{"type": "cut o') == (
        "Error: denied\n  with a.b\n\nAsk."
    )
    assert errors("Error: as terraform prints it\n") == "Error: as terraform prints it"


def test_the_last_summary_counts_the_changes():
    text = event("change_summary", **{"@message": "Plan: 1 to add"})
    text += event("change_summary", **{"@message": "Apply complete! Resources: 1 added"})
    assert change_summary(text) == "Apply complete! Resources: 1 added"
    assert change_summary("") == ""
