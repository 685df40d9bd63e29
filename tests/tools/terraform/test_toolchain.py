"""Finding or fetching Terraform and the aws provider, on machines with and without either."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools.command_error import CommandError
from tools.terraform import toolchain

ENSURE = """
import json, sys
from tools.terraform import toolchain
try:
    result = toolchain.ensure_toolchain(lambda line: print(line, file=sys.stderr))
except toolchain.ToolchainError as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({"terraform": result.terraform, "cli_config": str(result.cli_config)}))
"""


@pytest.fixture
def project(tmp_path):
    """A fresh checkout of what the toolchain reads."""
    root = tmp_path / "project"
    for name in (
        "tools/__init__.py",
        "tools/command_error.py",
        "tools/paths.py",
        "tools/processes.py",
        "tools/terraform/__init__.py",
        "tools/terraform/provider_checksums.json",
        "tools/terraform/toolchain.py",
        "environments/operations/versions.tf",
        ".terraform-version",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(toolchain.ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def installed():
    """The toolchain that runs these tests."""
    return toolchain.ensure_toolchain(lambda _: None)


@pytest.fixture(scope="module")
def mirror(installed):
    """The folder in which that toolchain's provider lies, in the mirror layout."""
    text = Path(installed.cli_config).read_text()
    return Path(text.split('path    = "')[1].split('"')[0])


@pytest.fixture
def releases(tmp_path, installed):
    """A release site on loopback that has the Terraform we run, as its .terraform-version."""
    version = (toolchain.ROOT / ".terraform-version").read_text().strip()
    folder = tmp_path / "site" / version
    folder.mkdir(parents=True)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    archive = folder / f"terraform_{version}_{platform.system().lower()}_{machine}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
        zipped.write(installed.terraform, "terraform")
    sums = folder / f"terraform_{version}_SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    handler = partial(SimpleHTTPRequestHandler, directory=folder.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", sums
    server.shutdown()


def ensure(project, *, path, **environment):
    run = subprocess.run(
        [sys.executable, "-c", ENSURE],
        cwd=project,
        env={"HOME": str(project), "PATH": path, "PYTHONPATH": str(project), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def beside(terraform):
    return f"{Path(terraform).parent}:/usr/bin:/bin"


def no_terraform(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return str(folder)


def test_takes_the_terraform_on_path_when_it_fits(project, installed, mirror):
    result = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(mirror))
    assert result["terraform"] == installed.terraform


def test_downloads_terraform_when_none_is_on_path(project, tmp_path, releases, mirror):
    url, _ = releases
    result = ensure(
        project, path=no_terraform(tmp_path), TERRAFORM_RELEASES=url, TF_PROVIDER_MIRROR=str(mirror)
    )
    assert Path(result["terraform"]).is_relative_to(project / ".work")
    assert os.access(result["terraform"], os.X_OK)


def test_downloads_terraform_when_the_one_on_path_is_too_old(project, tmp_path, releases, mirror):
    url, _ = releases
    old = tmp_path / "old"
    old.mkdir()
    (old / "terraform").write_text(
        "#!/bin/sh\necho 'Error: Unsupported Terraform Core version' >&2\nexit 1\n"
    )
    (old / "terraform").chmod(0o755)
    result = ensure(
        project, path=f"{old}:/bin:/usr/bin", TERRAFORM_RELEASES=url, TF_PROVIDER_MIRROR=str(mirror)
    )
    assert Path(result["terraform"]).is_relative_to(project / ".work")


def test_refuses_a_terraform_whose_sha256_is_not_the_stated_one(
    project, tmp_path, releases, mirror
):
    url, sums = releases
    sums.write_text(sums.read_text().replace(sums.read_text()[:8], "00000000"))
    result = ensure(
        project, path=no_terraform(tmp_path), TERRAFORM_RELEASES=url, TF_PROVIDER_MIRROR=str(mirror)
    )
    assert "does not have the SHA-256" in result["error"]
    assert not list((project / ".work" / "terraform").glob("bin/*/*"))


def test_says_what_to_install_when_there_is_no_terraform_and_no_network(project, tmp_path):
    result = ensure(project, path=no_terraform(tmp_path), TERRAFORM_RELEASES="http://127.0.0.1:1")
    assert "Install Terraform 1.11" in result["error"]


def test_takes_the_provider_from_the_mirror_that_is_asked_for(project, installed, mirror):
    result = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(mirror))
    assert str(project) in Path(result["cli_config"]).read_text()


def test_refuses_a_mirror_that_holds_no_aws_provider(project, tmp_path, installed):
    result = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(tmp_path))
    assert "does not contain registry.terraform.io/hashicorp/aws" in result["error"]


@pytest.fixture
def other_mirror(tmp_path, mirror):
    """A mirror whose provider has the version of the real one and another content; init does not run it."""
    [real] = (mirror / toolchain.LAYOUT).glob("*/*/terraform-provider-aws*")
    binary = tmp_path / "other" / real.relative_to(mirror)
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    return tmp_path / "other"


def test_refuses_a_provider_whose_checksum_is_not_the_published_one(
    project, installed, other_mirror
):
    result = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(other_mirror))
    [(version, platforms)] = json.loads(toolchain.CHECKSUMS.read_text()).items()
    assert re.search(
        rf"The aws provider {re.escape(version)} for \w+ has the checksum h1:\S+ and not (h1:\S+), which "
        r"tools/terraform/provider_checksums.json has for it. It is not what HashiCorp published",
        result["error"],
    )[1] in platforms.values()  # fmt: skip
    work = project / ".work" / "terraform"
    assert not (work / "ready.json").exists()
    assert not list((work / "probe").glob(".terraform*"))


def test_refuses_a_mirrors_provider_of_which_no_checksum_is_known(project, installed, other_mirror):
    (project / "tools" / "terraform" / "provider_checksums.json").write_text("{}")
    result = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(other_mirror))
    assert "has no checksum of the aws provider" in result["error"]
    checksum = re.search(
        r"compare the h1 checksum that it writes with (h1:\S+), and", result["error"]
    )
    # What the sentence says to do.
    platform_name = toolchain._platform()
    version = next(iter(json.loads(toolchain.CHECKSUMS.read_text())))
    (project / "tools" / "terraform" / "provider_checksums.json").write_text(
        json.dumps({version: {platform_name: checksum[1]}})
    )
    result = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(other_mirror))
    assert "error" not in result


@pytest.mark.parametrize(
    ("authentication", "is_used"), [("signed by HashiCorp", True), ("unauthenticated", False)]
)
def test_a_provider_of_another_version_is_used_if_terraform_has_checked_its_signature(
    project, tmp_path, authentication, is_used
):
    folder = tmp_path / "terraform"
    folder.mkdir()
    (folder / "terraform").write_text(f"""\
#!/bin/sh
mkdir -p .terraform/providers
cat > .terraform.lock.hcl << END
provider "registry.terraform.io/hashicorp/aws" {{
  version = "6.0.0"
  hashes  = ["h1:other="]
}}
END
echo "- Installed hashicorp/aws v6.0.0 ({authentication})"
""")
    (folder / "terraform").chmod(0o755)
    result = ensure(project, path=f"{folder}:/usr/bin:/bin")
    assert ("error" not in result) == is_used
    assert ("has not checked a signature" in result.get("error", "")) != is_used


@pytest.fixture
def terraform_init(installed, mirror, other_mirror, tmp_path):
    """Run `terraform init` in a new root after the set-up with the real provider, with a mirror of one's choice."""

    def run(folder):
        root = tmp_path / "root"
        root.mkdir()
        shutil.copy(toolchain.VERSIONS, root)
        config = installed.cli_config.with_name("other.tfrc")
        config.write_text(toolchain._mirror_config(folder))
        replace(installed, cli_config=config).run(root, "init", environment=os.environ)

    return run


def test_a_new_root_accepts_the_provider_that_was_checked(terraform_init, mirror):
    terraform_init(mirror)


def test_a_new_root_refuses_a_provider_that_was_changed_since(terraform_init, other_mirror):
    with pytest.raises(CommandError, match=r"any of the\s+checksums"):
        terraform_init(other_mirror)


def test_a_cli_configuration_that_does_not_exist_breaks_nothing(
    project, tmp_path, installed, mirror
):
    absent = str(tmp_path / "absent.tfrc")
    result = ensure(
        project,
        path=beside(installed.terraform),
        TF_PROVIDER_MIRROR=str(mirror),
        TF_CLI_CONFIG_FILE=absent,
    )
    assert "error" not in result


def test_second_run_reuses_what_the_first_made(project, installed, mirror):
    first = ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(mirror))
    made = (project / ".work" / "terraform" / "ready.json").stat().st_mtime_ns
    assert (
        ensure(project, path=beside(installed.terraform), TF_PROVIDER_MIRROR=str(mirror)) == first
    )
    assert (project / ".work" / "terraform" / "ready.json").stat().st_mtime_ns == made


@pytest.mark.parametrize("content", ["", '{"terraform": "/u', "[]", "{}", '{"terraform": 5}'])
def test_a_stamp_that_was_cut_off_is_written_anew(project, installed, mirror, content):
    arguments = {"path": beside(installed.terraform), "TF_PROVIDER_MIRROR": str(mirror)}
    first = ensure(project, **arguments)
    stamp = project / ".work" / "terraform" / "ready.json"
    whole = stamp.read_text()
    stamp.write_text(content)

    assert ensure(project, **arguments) == first
    assert stamp.read_text() == whole
    assert [path for path in stamp.parent.iterdir() if path.name.startswith("tmp")] == []


@pytest.mark.parametrize(("folder", "is_found"), [("a/b", True), ("a/b/c/d/e", False)])
def test_finds_a_mirror_by_its_layout_down_to_four_folders(tmp_path, folder, is_found):
    (tmp_path / folder / toolchain.LAYOUT).mkdir(parents=True)
    assert [tmp_path / folder] * is_found == list(
        toolchain._mirrors_below(tmp_path, toolchain.MIRROR_DEPTH)
    )


def test_garbage_is_collected_less_often_unless_the_shell_says_how_often(installed):
    assert installed.environment({})["GOGC"] == "400"
    assert installed.environment({"GOGC": "50"})["GOGC"] == "50"


def test_a_workspace_that_the_shell_exports_selects_no_other_state(installed, tmp_path):
    (tmp_path / "main.tf").write_text('output "workspace" {\n  value = terraform.workspace\n}\n')
    environment = {**os.environ, "TF_WORKSPACE": "mine"}
    planned = installed.run(tmp_path, "plan", environment=environment)
    assert '+ workspace = "default"' in planned
