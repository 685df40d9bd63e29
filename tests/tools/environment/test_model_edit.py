"""Editing a model of a stanza: what is written, and what is left as it was."""

import pytest

from tools.command_error import CommandError
from tools.environment.hcl import decode_hcl
from tools.environment.model_edit import changed_model, with_model, without_previous

ONE_LINE = """\
tenants = {
  acme = {
    models = {
      nova = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] } # ours
      pro  = { model = "amazon.nova-pro-v1:0", regions = ["eu-central-1"] }
    }
  }
}
"""
LINES = """\
tenants = {
  acme = {
    models = {
      nova = {
        fallbacks = ["pro"]
        model     = "amazon.nova-lite-v1:0" # since March
        profile   = "eu."
        regions   = ["eu-central-1"]
        route     = "geographic"
      }
    }
  }
}
"""
WAYS = {
    "one line": ONE_LINE,
    "lines": LINES,
    "carriage returns": LINES.replace("\n", "\r\n"),
    "commas": LINES.replace('"\n        profile', '",\n        profile').replace(
        " # since March", ""
    ),
    "other attributes on the line": LINES.replace(" # since March\n        profile  ", ", profile"),
    "colons and quotes": ONE_LINE.replace("model =", '"model" :'),
    "null": LINES.replace('"geographic"\n', '"geographic"\n        previous = null\n'),
}


def read(text):
    return decode_hcl(text.encode())["tenants"]["acme"]["models"]["nova"]


def edited(text, **changes):
    """The text with changes, which Terraform reads as they were meant."""
    model = changed_model(read(text), changes)
    result = with_model(text, "acme", "nova", model)
    assert read(result) == model
    return result


def test_the_old_entry_becomes_previous_on_a_line_of_its_own():
    expected = LINES.replace(
        '"amazon.nova-lite-v1:0" # since March\n',
        '"amazon.nova-pro-v1:0" # since March\n'
        '        previous = { model = "amazon.nova-lite-v1:0", profile = "eu.", '
        'regions = ["eu-central-1"], route = "geographic" }\n',
    )
    assert edited(LINES, model="amazon.nova-pro-v1:0") == expected


def test_the_old_entry_becomes_previous_in_an_object_on_one_line():
    assert edited(ONE_LINE, model="amazon.nova-pro-v1:0") == ONE_LINE.replace(
        'nova = { model = "amazon.nova-lite-v1:0",',
        'nova = { model = "amazon.nova-pro-v1:0", '
        'previous = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] },',
    )


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_an_object_may_be_written_in_any_way(text):
    result = edited(text, model="amazon.nova-pro-v1:0", regions=["eu-central-1", "eu-west-1"])
    assert read(result)["previous"]["model"] == "amazon.nova-lite-v1:0"
    last = with_model(result, "acme", "nova", without_previous(read(result)))
    assert read(last) == without_previous(read(result))
    assert last.count("#") == text.count("#")
    assert ("\r\n" in text) == ("\r\n" in last)


def test_the_last_step_leaves_the_file_as_if_the_new_model_had_always_been_there():
    result = edited(LINES, model="amazon.nova-pro-v1:0")
    last = with_model(result, "acme", "nova", without_previous(read(result)))
    assert last == LINES.replace("amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0")


def test_a_route_that_is_not_geographic_takes_the_profile_and_its_destinations_away():
    text = LINES.replace('"eu."', '"eu."\n        destinations = ["eu-west-1"]')
    model = read(edited(text, route="global"))
    assert model.keys() == {"fallbacks", "model", "previous", "regions", "route"}
    assert model["previous"]["destinations"] == ["eu-west-1"]


def test_a_route_is_added_with_its_profile():
    model = read(edited(ONE_LINE, route="geographic", profile="eu."))
    assert (model["route"], model["profile"]) == ("geographic", "eu.")


def test_previous_has_no_fallbacks():
    assert "fallbacks" not in read(edited(LINES, model="amazon.nova-pro-v1:0"))["previous"]


@pytest.mark.parametrize(
    "written", ["nova = local_models", '"${"nova"}" = { model = "x.y", regions = [] }']
)
def test_a_model_that_is_not_an_object_in_braces_is_edited_by_hand(written):
    text = f"tenants = {{\n  acme = {{\n    models = {{ {written} }}\n  }}\n}}\n"
    with pytest.raises(CommandError, match="edit the file by hand"):
        with_model(text, "acme", "nova", {"model": "x.y"})
