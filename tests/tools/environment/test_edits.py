"""Edits of a terraform.tfvars however a person may have written it: only the new lines, or a refusal."""

import functools
import json
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tools.command_error import CommandError
from tools.commands.rotate import with_new_external_id, without_previous_external_id
from tools.environment import edits
from tools.environment.edits import add_stanza, remove_stanza, replace_file, set_state
from tools.environment.hcl import decode_hcl
from tools.environment.hcl_text import find_attribute, repeated_names

STANZA = '  "3m" = {\n    accounts = { "333333333333" = {} }\n  }\n'
ADDED = {"3m": {"accounts": {"333333333333": {}}}}
OLD, NEW = "269170463fdc32af10a91e67a8fd77bd", "957de22fad53ba4a185d28da6ab59943"

# --- texts that mean the same, in the ways that HCL allows ---

COMMENTS = ["", " ", "\t", " /* } */ ", ' /* " { */ ', " /* a\nb = { */ "]
ENDS = ["", " ", " # } ends, here,", ' // "external_ids = {', " /* { */", " # é"]
NOTES = [
    '"a brace } in a string"',
    '"${"}"} and \\" }"',
    '"$${ is no template"',
    "<<EOT\n}\nexternal_ids = {\nEOT",
    '<<-E\n    } ${"}"}\n  E',
    "[for x in [1, 2] : x]",
    '{ for x in ["a"] : x => { y = x } }',
    '(true ? "}" : "{")',
    "60 * 24",
    "null",
    "[[], [{}], ({})]",
]


@st.composite
def written_keys(draw, name):
    quoted = [f'"{name}"', f'("{name}")', f'(("{name}"))', f'"\\u{ord(name[0]):04x}{name[1:]}"']
    bare = [name] if re.fullmatch(r"[a-z][a-z0-9_-]*", name) else []
    return draw(st.sampled_from([*bare, *quoted]))


@st.composite
def written_objects(draw, members):
    """An object with ``members``, pairs of a written key and a written value, in any layout."""
    comment, parentheses = st.sampled_from(COMMENTS), draw(st.integers(0, 2))
    items = [
        f"{key}{draw(comment)}{draw(st.sampled_from('=:'))}{draw(comment)}{value}"
        for key, value in members
    ]
    if any("<<" in item for item in items) or draw(st.booleans()):
        separators = [draw(st.sampled_from(ENDS)) + "\n" * draw(st.integers(1, 3)) for _ in items]
        heads = [draw(st.sampled_from(["", "  ", "\t"])) for _ in items]
        body = "".join(
            # Nothing but a line end may follow the end of a heredoc.
            head + item + (re.sub(r"^.*?(?=\n)", "", end) if "<<" in item else end)
            for head, item, end in zip(heads, items, separators, strict=True)
        )
        text = (
            "{"
            + draw(st.sampled_from(ENDS))
            + "\n"
            + body
            + draw(st.sampled_from(["}", "  }", "/* } */ }"]))
        )
    else:
        blank = draw(st.sampled_from(["", " ", " /* , */ "]))
        comma = draw(st.sampled_from(["", ",", " ,"])) if items else ""
        text = "{" + blank + f"{blank},{blank}".join(items) + comma + blank + "}"
    return "(" * parentheses + text + ")" * parentheses


@st.composite
def files(draw):
    """A tfvars with the tenants globex and acme in any order, and other attributes around them."""

    def member(name, value):
        return draw(written_keys(name)), value

    def with_notes(members):
        notes = draw(st.lists(st.sampled_from(NOTES), max_size=2))
        extra = [member(f"note{index}", note) for index, note in enumerate(notes)]
        return draw(st.permutations([*members, *extra]))

    def stanza(external_id):
        ids = [member("current", f'"{external_id}"')]
        if draw(st.booleans()):
            ids.append(member("previous", draw(st.sampled_from(["null", "(null)"]))))
        external_ids = member("external_ids", draw(written_objects(draw(st.permutations(ids)))))
        return draw(written_objects(with_notes([external_ids])))

    tenants = [member("acme", stanza(OLD))]
    if draw(st.booleans()):
        tenants.append(member("globex", stanza("globex-external-id")))
    attributes = [
        ("tenants", draw(written_objects(with_notes(tenants)))),
        ("environment", '"dev"'),
        *(("notes", note) for note in draw(st.lists(st.sampled_from(NOTES), max_size=1))),
    ]
    text = "".join(
        f"{draw(st.sampled_from(['', '# tenants = {', '/* tenants = { */']))}\n{name} = {value}\n"
        for name, value in draw(st.permutations(attributes))
    )
    text = text if draw(st.booleans()) or "<<" in text else text.removesuffix("\n")
    text = text.replace("\n", "\r\n") if draw(st.booleans()) else text
    return ("\ufeff" if draw(st.booleans()) else "") + text


@functools.cache
def meaning_as_json(text):
    """Terraform is started once for each text; the same one is read by the strategy and by its test."""
    return json.dumps(decode_hcl(text.encode()))


def meaning(text):
    return json.loads(meaning_as_json(text))


def valid_files():
    def is_valid(text):
        try:
            meaning(text)
        except CommandError:
            return False
        return True

    return files().filter(is_valid)


EVERY_WAY = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def lone_line_feeds(text):
    return re.findall(r"(?<!\r)\n", text)


@EVERY_WAY
@given(valid_files())
def test_a_stanza_is_added_and_nothing_else_changes(text):
    edited = add_stanza(text, STANZA)

    expected = meaning(text)
    expected["tenants"] |= ADDED
    assert meaning(edited) == expected
    new_lines = STANZA.replace("\n", "\r\n" if "\r\n" in text else "\n")
    position = edited.index(new_lines)
    before, after = edited[:position], edited[position + len(new_lines) :]
    assert text.endswith(after)
    beginning = text.removesuffix(after)
    # The braces of an object on one line get lines of their own.
    assert beginning.rstrip() == before.rstrip()
    if "\r\n" in text:
        assert lone_line_feeds(edited) == []


@EVERY_WAY
@given(valid_files())
def test_an_external_id_is_rotated_and_nothing_else_changes(text):
    first = with_new_external_id(text, "acme", NEW)
    last = without_previous_external_id(first, "acme")

    expected = meaning(text)
    external_ids = expected["tenants"]["acme"]["external_ids"]
    external_ids.update(current=NEW, previous=OLD)
    assert meaning(first) == expected
    del external_ids["previous"]
    assert meaning(last) == expected
    # Only a `previous = null` that was there before is gone.
    characters = iter(text)
    assert all(character in characters for character in last.replace(NEW, OLD))
    if "revious" not in text:
        assert last.replace(NEW, OLD) == text
    if "\r\n" in text:
        assert lone_line_feeds(last) == []


@EVERY_WAY
@given(valid_files())
def test_a_state_is_written_and_a_stanza_is_removed_and_nothing_else_changes(text):
    expected = meaning(text)
    suspended = set_state(text, "acme", "suspended")
    expected["tenants"]["acme"]["state"] = "suspended"
    assert meaning(suspended) == expected
    assert meaning(set_state(suspended, "acme", "active"))["tenants"]["acme"]["state"] == "active"
    del expected["tenants"]["acme"]
    assert meaning(remove_stanza(suspended, "acme")) == expected
    if "\r\n" in text:
        assert lone_line_feeds(suspended) == []


SNIPPETS = [
    "{",
    "}",
    '"',
    "(",
    ")",
    "[",
    "]",
    "=",
    ":",
    ",",
    "\n",
    "\r\n",
    "#",
    "/*",
    "*/",
    "<<EOT\n",
    "${",
    "\\",
    "null",
    "acme",
    " for ",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("dev") / "terraform.tfvars"


@EVERY_WAY
@given(files(), st.data())
def test_any_other_text_is_edited_rightly_or_refused_without_a_change(file, text, data):
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(text)))
        text = text[:position] + data.draw(st.sampled_from(SNIPPETS)) + text[position:]
    try:
        expected = meaning(text)
        expected["tenants"] |= ADDED
    except (CommandError, KeyError, TypeError):
        assume(False)
    file.write_bytes(text.encode())
    refusal = ""
    try:
        replace_file(file, add_stanza(text, STANZA), expected)
    except CommandError as error:
        refusal = str(error)
    if refusal:
        assert "edit the file by hand" in refusal
        assert file.read_bytes() == text.encode()
    else:
        assert meaning(file.read_bytes().decode()) == expected
    assert list(file.parent.iterdir()) == [file]


# --- single cases ---


@pytest.mark.parametrize(
    ("tenants", "edited"),
    [
        ("{}", f"{{\n{STANZA}}}"),
        ("{ }", f"{{\n{STANZA}}}"),
        ("{\n}", f"{{\n{STANZA}}}"),
        ("({\n})", f"({{\n{STANZA}}})"),
        ("{ a = {} }", f"{{ a = {{}}\n{STANZA}}}"),
        ("{ a = {}, }", f"{{ a = {{}},\n{STANZA}}}"),
        ("{\n  a = {}\n}", f"{{\n  a = {{}}\n\n{STANZA}}}"),
        ("{\n  a = {} # }\n\n  # end\n\n}", f"{{\n  a = {{}} # }}\n\n  # end\n\n{STANZA}}}"),
        ("{\n  a = {}\n  }", f"{{\n  a = {{}}\n\n{STANZA}  }}"),
    ],
)
def test_a_stanza_goes_before_the_closing_brace(tenants, edited):
    assert add_stanza(f"tenants = {tenants}\n", STANZA) == f"tenants = {edited}\n"


@pytest.mark.parametrize(
    "tenants", ['{ for name in ["acme"] : name => {} }', "true ? {} : {}", "(true ? { } : { })"]
)
def test_tenants_that_are_computed_are_refused(file, tenants):
    text = f"tenants = {tenants}\n"
    file.write_text(text)
    expected = {"tenants": meaning(text)["tenants"] | ADDED}
    with pytest.raises(CommandError, match="Nothing was changed; edit the file by hand"):
        replace_file(file, add_stanza(text, STANZA), expected)
    assert file.read_text() == text


def test_a_tenant_that_is_computed_cannot_be_rotated():
    with pytest.raises(CommandError, match="tenants.acme is not written as"):
        with_new_external_id("tenants = { acme = true ? {} : {} }\n", "acme", NEW)


@pytest.mark.parametrize("result", ["tenants = {", 'tenants = { acme = "other" }\n'])
def test_a_result_that_means_something_else_never_replaces_the_file(file, result):
    file.write_text("tenants = {}\n")
    with pytest.raises(CommandError, match="Nothing was changed"):
        replace_file(file, result, {"tenants": {"acme": "this"}})
    assert file.read_text() == "tenants = {}\n"
    assert list(file.parent.iterdir()) == [file]


def test_a_replaced_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "shared.tfvars", tmp_path / "terraform.tfvars"
    target.write_text("a = 1\n")
    target.chmod(0o640)
    link.symlink_to(target)

    replace_file(link, "a = 2\n", {"a": 2})

    assert link.is_symlink()
    assert target.read_text() == "a = 2\n"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_failed_replacement_leaves_the_file_and_no_other(file, monkeypatch):
    file.write_text("a = 1\n")
    monkeypatch.setattr(edits.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        replace_file(file, "a = 2\n", {"a": 2})
    assert file.read_text() == "a = 1\n"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = { b = 1, b = 2 }", ["a.b"]),
        ('a = { b = 1\n ("b") : 2 }', ["a.b"]),
        ('a = ({ b = { c = 1, "\\u0063" = 2 } })', ["a.b.c"]),
        ('a = { b = "b = 1" /* b = 2 */ }\n# a = 1', []),
        ('a = { 3 = 1, "3" = 2 }', ["a.3"]),
    ],
)
def test_finds_a_name_that_an_object_has_twice(text, names):
    assert repeated_names(text) == names


def test_a_name_in_a_string_a_comment_or_a_heredoc_is_none():
    text = '# a = 1\nb = "a = 2"\nc = <<EOT\na = 3\nEOT\n/* a = 4 */\n'
    assert find_attribute(text, "a") is None
    assert find_attribute(text, "c").value.start == text.index("<<")


STANZAS = """\
tenants = {
  acme = { # the first
    models = {}
  }

  # about globex
  globex = {
    models = {}
    state  = "active" # since May
  }
}
"""


def test_a_state_becomes_the_first_attribute_of_a_stanza_without_one():
    edited = set_state(STANZAS, "acme", "suspended")
    assert edited == STANZAS.replace("the first\n", 'the first\n    state = "suspended"\n')


def test_a_state_replaces_the_one_before_and_leaves_its_comment():
    edited = set_state(STANZAS, "globex", "suspended")
    assert edited == STANZAS.replace('"active" # since', '"suspended" # since')


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("tenants = { acme = { a = 1 } }", 'tenants = { acme = { state = "x", a = 1 } }'),
        ("tenants = { acme = {} }", 'tenants = { acme = { state = "x" } }'),
        ("tenants = {\r\n  acme = {\r\n  }\r\n}\r\n", 'tenants = {\r\n  acme = {\r\n    state = "x"\r\n  }\r\n}\r\n'),
    ],
)  # fmt: skip
def test_a_state_is_written_in_every_form_of_stanza(text, edited):
    written = set_state(text, "acme", "x")
    assert decode_hcl(written.encode()) == decode_hcl(edited.encode())
    assert written.replace("{ state", "{  state").split() == edited.split()


def test_a_stanza_is_removed_with_the_empty_line_that_it_would_leave():
    assert remove_stanza(STANZAS, "acme") == STANZAS.replace(
        "  acme = { # the first\n    models = {}\n  }\n\n", ""
    )
    assert remove_stanza(remove_stanza(STANZAS, "acme"), "globex") == (
        "tenants = {\n  # about globex\n}\n"
    )
    assert remove_stanza("tenants = { acme = { a = 1 }, b = {} }", "acme") == "tenants = { b = {} }"


def test_a_stanza_that_is_not_there_or_no_object_cannot_be_edited():
    for edit in (lambda text: set_state(text, "hooli", "x"), lambda text: remove_stanza(text, "hooli")):  # fmt: skip
        with pytest.raises(CommandError, match="has no stanza `hooli"):
            edit(STANZAS)
    with pytest.raises(CommandError, match=r"tenants\.acme is not written as \{"):
        set_state("tenants = { acme = merge({}, {}) }", "acme", "x")
