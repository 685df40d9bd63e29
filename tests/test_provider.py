"""The short schema of the aws provider, and that a plan through it is a plan of the provider."""

import pytest

from tests.attached.provider import named_types, shortened
from tests.terraform import OFFLINE_PROVIDER, Folder, folder_of

UNNAMED = "sqs_queue"  # without its prefix, because every type that is written out is in the schema


def field(number, value):
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def entry(number, key):
    return field(number, field(1, key) + field(2, b"its schema"))


def test_types_that_the_project_does_not_name_are_left_out_and_all_else_is_kept():
    resources, data_sources, functions = 2, 3, 7
    provider = field(1, b"settings")
    role, queue = entry(resources, b"aws_iam_role"), entry(resources, b"aws_" + UNNAMED.encode())
    partition, function = entry(data_sources, b"aws_partition"), entry(functions, b"arn_parse")
    schema = provider + role + queue + partition + function
    types = frozenset({b"aws_iam_role", b"aws_partition"})
    assert shortened(schema, types) == provider + role + partition + function


def test_an_unknown_encoding_is_refused():
    with pytest.raises(ValueError, match="Field 1 of the schema has the unknown wire type 5"):
        shortened(b"\x0d1234", frozenset())


def test_the_types_of_the_modules_are_named():
    assert {b"aws_iam_role", b"aws_lambda_function", b"aws_partition"} < named_types()


def test_a_type_that_is_not_named_is_refused_by_terraform(tmp_path):
    text = f'{OFFLINE_PROVIDER}\nresource "aws_{UNNAMED}" "this" {{}}\n'
    root = Folder(folder_of(tmp_path, [], {"main.tf": text})).init()
    assert "does not support resource type" in root.refuses()


def test_the_provider_itself_checks_what_is_planned(tmp_path):
    text = (
        f'{OFFLINE_PROVIDER}\nresource "aws_iam_role" "this" {{\n  assume_role_policy = "no"\n}}\n'
    )
    root = Folder(folder_of(tmp_path, [], {"main.tf": text})).init()
    assert "contains an invalid JSON" in root.refuses()
