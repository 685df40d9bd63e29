"""Values as HCL: what is written is what Terraform reads, and a file means what it means to Terraform."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.terraform import toolchain
from tools.command_error import CommandError
from tools.environment import hcl
from tools.environment.hcl import decode_hcl, hcl_attributes, hcl_key

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
    # Terraform normalises text, https://developer.hashicorp.com/terraform/language/expressions/types
    lambda text: unicodedata.normalize("NFC", text)
)
KEYS = TEXTS | st.sampled_from(
    ["3m", "4-haiku", "for", "null", "true", "a-b", "${x}", "%{if}", "é"]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda values: st.lists(values, max_size=3) | st.dictionaries(KEYS, values, max_size=3)
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_terraform_reads_what_is_written(value):
    assert decode_hcl(hcl_attributes({"value": value}).encode()) == {"value": value}


def test_what_terraform_says_of_its_lock_on_a_slow_machine_is_not_read(tmp_path, monkeypatch):
    """https://github.com/hashicorp/terraform/blob/v1.11.4/internal/command/clistate/state.go"""
    script = tmp_path / "terraform"
    lines = [
        f"echo '{word} state lock. This may take a few moments...'"
        for word in ("Acquiring", "Releasing")
    ]
    script.write_text(
        "\n".join(["#!/bin/sh", lines[0], f'{toolchain().terraform} "$@"', lines[1], ""])
    )
    script.chmod(0o755)
    slow = replace(toolchain(), terraform=str(script))
    monkeypatch.setattr(hcl, "ensure_toolchain", lambda _: slow)
    assert decode_hcl(b'name = "acme"') == {"name": "acme"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("acme", "acme"),
        ("nova-pro", "nova-pro"),
        ("3m", '"3m"'),
        ("4-haiku", '"4-haiku"'),
        ("222222222222", '"222222222222"'),
        ("for", '"for"'),
    ],
)
def test_a_key_that_is_no_identifier_is_quoted(name, key):
    assert hcl_key(name) == key


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = null", None),
        ("a = (null)", None),
        ('a = { ("b") = 1, "c" : 2, "3m" = 3 }', {"b": 1, "c": 2, "3m": 3}),
        ("\ufeffa = 1\r\n", 1),
        ("a = <<EOT\n}\nEOT\n", "}\n"),
        ("a = { /* b */ b /* c */ = /* d */ 1 # e\n}", {"b": 1}),
        ("a = 60 * 24", 1440),
        ('a = true ? "x" : "y"', "x"),
        ("a = [for x in [1, 2] : x + 1]", [2, 3]),
        ('a = "${"x"}y"', "xy"),
        ('a = "null"', "null"),
    ],
)
def test_a_file_means_what_it_means_to_terraform(text, value):
    assert decode_hcl(text.encode()) == {"a": value}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a = {\n  3m = 1\n}\n", "line 2: Missing key/value separator"),
        (b"a = 1\nb {\n}\n", 'line 2: Unexpected "b" block'),
        (b"a = 1\n\na = 2\n", r"line 3: Attribute redefined; .* was already set at line 1"),
        (b"a = var.secret\n", "line 1: Variables not allowed"),
        (b"a = 1\nb = \xff\n", "line 2 is not UTF-8 text"),
    ],
)
def test_a_file_that_terraform_refuses_is_refused_with_the_line(content, problem):
    with pytest.raises(CommandError, match=problem):
        decode_hcl(content)


def test_a_refusal_does_not_quote_an_external_id():
    with pytest.raises(CommandError) as caught:
        decode_hcl(b'a = { current = "269170463fdc32af10a91e67a8fd77bd" "x" }\n')
    assert "2691" not in str(caught.value)
