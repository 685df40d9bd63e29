"""Tenants that have files of their own, as the commands read and edit them."""

import hashlib
import json
import shutil
import subprocess

import pytest

from tests.environments.environment_folder import IGNORED_FILES, EnvironmentFolder
from tests.environments.test_rules import OTHER, stanza
from tests.terraform import ENVIRONMENTS
from tools.command_error import CommandError
from tools.environment import model
from tools.environment.edits import remove_stanza, set_state
from tools.environment.hcl import hcl_attributes
from tools.environment.model import load_environment, load_tenant
from tools.environment.tenant_files import current_sha256, new_file, stanza_file

ACME = stanza(workload={"memory_size": 512})
THIRD = stanza("444444444444", "b" * 32)
TFVARS = """\
environment = "prod"
operations  = { account_id = "111111111111", region = "eu-central-1" }
"""


class Data(EnvironmentFolder):
    """The folder of an environment, as the commands read it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.tfvars = folder / "terraform.tfvars"
        (folder / "backend.hcl").write_text("")

    def write_map(self, **tenants):
        self.tfvars.write_text(TFVARS + hcl_attributes({"tenants": tenants}))


@pytest.fixture
def data(tmp_path, monkeypatch):
    folder = tmp_path / "environments"
    folder.mkdir()
    for file in ENVIRONMENTS.glob("*.tf"):
        shutil.copy(file, folder)
    monkeypatch.setattr(model, "ENVIRONMENTS", folder)
    data = Data(folder / "prod")
    data.write_map()
    return data


@pytest.fixture
def mixed(data):
    """Three tenants: a file of HCL, a file of JSON and an entry of the map."""
    data.write("tenants/acme.tfvars", ACME)
    data.write("tenants/globex.tfvars.json", json.dumps(OTHER))
    data.write_map(initech=THIRD)
    return data


def refusal():
    with pytest.raises(CommandError) as raised:
        load_environment("prod")
    return raised.value.args[0]


def test_stanzas_mean_the_same_in_files_and_in_the_map(mixed):
    environment = load_environment("prod")
    assert environment.stanzas == {"acme": ACME, "globex": OTHER, "initech": THIRD}
    assert [environment.place_of(tenant) for tenant in environment.tenants] == [
        "environments/prod/tenants/acme.tfvars",
        "environments/prod/tenants/globex.tfvars.json",
        "environments/prod/terraform.tfvars",
    ]
    shutil.rmtree(mixed.folder / "tenants")
    mixed.write_map(acme=ACME, globex=OTHER, initech=THIRD)
    assert load_environment("prod") == environment


def test_one_tenant_is_read_alone_where_no_other_can_be_read(mixed):
    mixed.write("tenants/globex.tfvars.json", "{")
    assert load_tenant("prod", "acme").stanzas == {"acme": ACME}
    assert load_tenant("prod", "initech").stanzas == {"initech": THIRD}
    for tenant in ("globex", "umbrella"):
        with pytest.raises(CommandError, match=r"prod/tenants/globex\.tfvars\.json is not valid"):
            load_tenant("prod", tenant)
    mixed.write("tenants/globex.tfvars.json", json.dumps(OTHER))
    with pytest.raises(CommandError, match='no tenant "umbrella"; it has acme, globex, initech'):
        load_tenant("prod", "umbrella")


def test_a_tenant_without_an_account_is_no_tenant_to_add(data):
    data.write("tenants/acme.tfvars", stanza(accounts={}))
    for read in (load_tenant, lambda name, tenant: load_environment(name).accounts_of(tenant)):
        with pytest.raises(
            CommandError, match=r'"acme" has no account in environments/prod/tenants/acme\.tfvars'
        ):
            read("prod", "acme")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("accounts", ["222222222222"], "accounts is a map in { }"),
        ("accounts", {"222222222222": "eu-central-1"}, "accounts.222222222222 is an object in { }"),
        ("workload", True, "workload is an object in { }"),
    ],
)
def test_a_value_in_the_place_of_an_object_is_refused_for_one_tenant_too(
    data, key, value, sentence
):
    data.write("tenants/acme.tfvars", {**ACME, key: value})
    data.write_map(globex=OTHER)
    assert load_tenant("prod", "globex").tenants == ("globex",)
    with pytest.raises(CommandError, match=f"tenants/acme.tfvars: {sentence}"):
        load_tenant("prod", "acme")
    data.write("tenants/acme.tfvars", ACME)
    data.write_map(globex={**OTHER, key: value})
    with pytest.raises(CommandError, match=f"terraform.tfvars: tenants.globex.{sentence}"):
        load_tenant("prod", "globex")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TFVARS + 'tenants = "acme"\n', "tenants is a map in { }"),
        (TFVARS + 'tenants = { acme = "x" }\n', "tenants.acme is an object in { }"),
        ('environment = "prod"\noperations = "x"\n', "operations is an object in { }"),
    ],
)
def test_a_value_in_the_place_of_all_stanzas_is_refused_for_one_tenant_too(data, text, sentence):
    data.tfvars.write_text(text)
    with pytest.raises(CommandError, match=f"prod/terraform.tfvars: {sentence}"):
        load_tenant("prod", "acme")


def test_terraform_gets_no_variables_of_an_environment_of_which_one_tenant_was_read(mixed):
    environment = load_environment("prod")
    assert environment.file_variables == {"data_folder": "", "tenants": environment.stanzas}
    with pytest.raises(ValueError, match="prod was read for acme alone"):
        load_tenant("prod", "acme").file_variables  # noqa: B018 - it raises


@pytest.mark.parametrize("file", IGNORED_FILES)
def test_a_file_that_nothing_would_read_is_refused(data, file):
    data.write("tenants/acme.tfvars", ACME)
    data.write("README.md", "")
    data.write("tenants/.gitkeep", "")
    assert load_environment("prod").tenants == ("acme",)
    data.write(file, OTHER)
    assert f"These files in environments/prod would be ignored: {file}. A tenant's" in refusal()


def test_a_file_in_the_place_of_the_folder_is_refused(data):
    (data.folder / "tenants").rmdir()
    assert load_environment("prod").tenants == ()
    data.write("tenants", ACME)
    assert "would be ignored: tenants. A tenant's file is" in refusal()


def test_a_link_is_refused_if_it_leads_out_of_the_environment_or_nowhere(data, tmp_path):
    link = data.folder / "tenants" / "acme.tfvars"
    link.symlink_to(data.write("acme.hcl", ACME))
    assert load_environment("prod").stanzas == {"acme": ACME}
    link.unlink()
    link.symlink_to(shutil.copy(data.folder / "acme.hcl", tmp_path))
    assert "are links to files outside of it" in refusal()
    with pytest.raises(CommandError, match="tenants/acme.tfvars. Put the files themselves"):
        load_tenant("prod", "acme")
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    assert "would be ignored: tenants/acme.tfvars." in refusal()


@pytest.mark.parametrize("read", [load_environment, lambda _: load_tenant("prod", "acme")])
def test_a_tenant_in_two_places_is_refused_with_both(mixed, read):
    assert "acme" in read("prod").stanzas
    mixed.write_map(acme=ACME)
    with pytest.raises(
        CommandError, match=r"acme in terraform\.tfvars and tenants/acme\.tfvars, in env"
    ):
        read("prod")
    mixed.write_map()
    mixed.write("tenants/acme.tfvars.json", json.dumps(ACME))
    with pytest.raises(
        CommandError, match=r"acme in tenants/acme\.tfvars and tenants/acme\.tfvars\.json, in"
    ):
        read("prod")


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("acme.tfvars", "audit = \naccounts = {}\n", "acme.tfvars is not valid HCL: line 1"),
        ("acme.tfvars", "}\n", "acme.tfvars is not valid HCL: line 1"),
        ("acme.tfvars", b"audit = \"\xff\"\n", "HCL: line 1 is not UTF-8 text"),
        ("acme.tfvars", "audit = 1\naudit = 2\n", "acme.tfvars is not valid HCL: line 2"),
        ("acme.tfvars", "quota = { a = 1, a = 1 }\naccounts = {}\n", "acme.tfvars: quota.a is written twice"),
        ("acme.tfvars", "quotas = {}\naccounts = {}\n", "acme.tfvars: quotas is not a known key; did you mean quota?"),
        ("acme.tfvars", 'audit = "required"\n', "tenants/acme.tfvars lacks 'accounts'"),
        ("acme.tfvars.json", "{", "acme.tfvars.json is not valid JSON"),
        ("acme.tfvars.json", '{"quota": NaN}', "acme.tfvars.json is not valid JSON: NaN is no number"),
        ("acme.tfvars.json", "[]", "acme.tfvars.json is not one JSON object"),
        ("acme.tfvars.json", '{"a": {"b": 1, "b": 2}}', "acme.tfvars.json: b is written twice"),
        ("acme.tfvars.json", '{"a":' * 9_999, "acme.tfvars.json is not valid JSON"),
        ("acme.tfvars.json", '{"audit": "\\ud800"}', "acme.tfvars.json is not valid JSON"),
        ("acme.tfvars.json", '{"audit": 1e999}', "acme.tfvars.json is not valid JSON"),
        ("acme.tfvars.json", '{"accounts": {}, "quotas": {}}', "acme.tfvars.json: quotas is not a known key"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_stanza_is_refused_by_its_name(data, file, content, sentence):
    data.write("tenants/globex.tfvars", OTHER)
    assert load_environment("prod").tenants == ("globex",)
    (data.folder / "tenants" / file).write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    assert sentence in refusal()


def with_state(file, tenant, state):
    file.stanza(tenant)["state"] = state
    file.edit(lambda text, name: set_state(text, name, state), tenant)
    file.write()


@pytest.mark.parametrize("tenant", ["acme", "globex", "initech"])
def test_an_edit_changes_the_stanza_where_it_is_and_nothing_else(mixed, tenant):
    before = {path: path.read_bytes() for path in mixed.folder.rglob("*") if path.is_file()}
    place = mixed.folder.parent.parent / load_environment("prod").place_of(tenant)
    for state in ("suspended", "active"):
        with_state(stanza_file(mixed.tfvars, tenant), tenant, state)
        assert load_environment("prod").state_of(tenant) == state
    del before[place]
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_edit_of_hcl_keeps_comments_line_ends_and_a_byte_order_mark(data, mark, newline):
    text = newline.join(["# minted in March", *hcl_attributes(ACME).splitlines(), ""])
    path = data.folder / "tenants" / "acme.tfvars"
    path.write_bytes((mark + text).encode())
    with_state(stanza_file(data.tfvars, "acme"), "acme", "suspended")
    assert path.read_bytes().decode() == f'{mark}state = "suspended"{newline}{text}'


@pytest.mark.parametrize("indent", [2, 4, "\t"], ids=repr)
def test_an_edit_of_json_keeps_the_order_the_letters_and_the_indentation(data, indent):
    values = {**ACME, "tags": {"team": "Größe"}}
    path = data.write(
        "tenants/acme.tfvars.json", json.dumps(values, indent=indent, ensure_ascii=False)
    )
    with_state(stanza_file(data.tfvars, "acme"), "acme", "suspended")
    written = json.dumps({**values, "state": "suspended"}, indent=indent, ensure_ascii=False)
    assert path.read_text() == f"{written}\n"


def test_a_removed_stanza_leaves_the_others(mixed):
    for tenant, left in (
        ("acme", ("globex", "initech")),
        ("globex", ("initech",)),
        ("initech", ()),
    ):
        stanza_file(mixed.tfvars, tenant).remove(tenant, remove_stanza)
        assert load_environment("prod").tenants == left


def test_a_new_tenant_has_a_file_where_there_is_the_folder_for_it(data):
    assert new_file(data.tfvars, "acme") == data.folder / "tenants" / "acme.tfvars"
    (data.folder / "tenants").rmdir()
    assert new_file(data.tfvars, "acme") is None


def test_the_digest_is_that_of_terraform_tfvars_until_there_are_files(mixed):
    of_all = current_sha256(mixed.tfvars)
    command = "LC_ALL=C; sha256sum terraform.tfvars tenants/*.tfvars* | sha256sum"
    by_hand = subprocess.check_output(["bash", "-c", command], cwd=mixed.folder, text=True)
    assert of_all == load_environment("prod").tfvars_sha256 == by_hand.split()[0]
    mixed.write("tenants/acme.tfvars", {**ACME, "audit": "required"})
    assert current_sha256(mixed.tfvars) != of_all
    shutil.rmtree(mixed.folder / "tenants")
    assert current_sha256(mixed.tfvars) == hashlib.sha256(mixed.tfvars.read_bytes()).hexdigest()
