"""Providers: three commands of one's own, and the EC2 API of moto through Libcloud."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.machines.providers import Instance, ProviderError, make_provider
from fairmesh.machines.providers.base import GONE, HOME, RUNNING, TOKEN, without_secrets
from fairmesh.machines.providers.commands import CommandsProvider
from fairmesh.study.rented import Provider as Settings
from tests.ec2 import KEYS, Ec2Server, ec2_server

TAGS = {HOME: "bench-0123abcd", TOKEN: "0123456789abcdef"}
USER_DATA = "#cloud-config\n{}"


@pytest.fixture
def server() -> Iterator[Ec2Server]:
    with ec2_server() as server:
        yield server


def commands(folder: Path, create: str = "cat", list_: str = "echo '[]'", destroy: str = "cat") -> CommandsProvider:
    texts = {"create": create, "list": list_, "destroy": destroy, "console": "echo hello"}
    settings = {verb: ["bash", "-c", text] for verb, text in texts.items()}
    return CommandsProvider(Settings.model_validate(settings), folder)


def test_a_command_gets_json_and_its_answer_is_an_instance(tmp_path: Path) -> None:
    answer = '{"id": "vm-1", "address": "10.0.0.7", "port": 2222, "state": "running"}'
    provider = commands(tmp_path, create=f"cat > request; echo '{answer}'")
    assert provider.create("name", TAGS, USER_DATA) == Instance("vm-1", "10.0.0.7", 2222, RUNNING, TAGS)
    asked = json.loads((tmp_path / "request").read_text())
    assert asked == {"name": "name", "tags": TAGS, "user_data": USER_DATA}
    assert provider.console("vm-1") == "hello\n"


def test_instances_with_other_tags_are_left_out(tmp_path: Path) -> None:
    entries = [{"id": "vm-1", "tags": TAGS}, {"id": "vm-2", "tags": {}}, {"id": 3, "tags": {**TAGS, HOME: "x"}}]
    provider = commands(tmp_path, list_=f"echo '{json.dumps(entries)}'")
    assert [instance.id for instance in provider.instances(TAGS)] == ["vm-1"]
    assert [instance.id for instance in provider.instances({})] == ["vm-1", "vm-2", "3"]


@pytest.mark.parametrize(
    ("text", "message", "is_certain"),
    [
        ("echo one >&2; echo 'quota exceeded' >&2; exit 3", "the command `create` failed: quota exceeded", True),
        ("exit 3", "the command `create` failed: status 3", True),
        ("echo no", "the command `create` must print JSON", False),
        ("echo '[]'", "must describe an instance by a map with its `id`", False),
        ('echo \'{"id": "-oProxyCommand=x"}\'', "no valid id: '-oProxyCommand=x'", False),
        ('echo \'{"id": "a", "address": "-oProxyCommand=x"}\'', "has no valid address", False),
        ('echo \'{"id": "a", "address": "a\\nProxyCommand x"}\'', "has no valid address", False),
        ('echo \'{"id": "a", "state": "odd"}\'', "has the unknown state 'odd'", False),
        ('echo \'{"id": "a", "port": 70000}\'', "has no valid port", False),
    ],
)
def test_a_wrong_answer_is_one_line_that_says_whether_something_may_exist(
    tmp_path: Path, text: str, message: str, is_certain: bool
) -> None:
    with pytest.raises(ProviderError) as caught:
        commands(tmp_path, create=text).create("name", TAGS, USER_DATA)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.is_certain == is_certain


def test_a_missing_command_is_named(tmp_path: Path) -> None:
    settings = {"create": ["./none"], "list": ["./none"], "destroy": ["./none"]}
    provider = make_provider(Settings.model_validate(settings), tmp_path)
    with pytest.raises(ProviderError, match=r"`destroy` cannot be started: No such file or directory: ./none"):
        provider.destroy("vm-1")
    with pytest.raises(ProviderError, match="the provider has no command `console`"):
        provider.console("vm-1")


def test_secrets_of_the_environment_are_left_out_of_messages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OS_PASSWORD", "correct horse")
    with pytest.raises(ProviderError, match=r"failed: wrong password \*\*\* for"):
        commands(tmp_path, create='echo "wrong password $OS_PASSWORD for x" >&2; exit 1').create("n", TAGS, "")
    assert without_secrets("a correct horse") == "a ***"


def test_ec2_creates_lists_and_destroys_by_tags(server: Ec2Server, tmp_path: Path) -> None:
    provider = make_provider(Settings.model_validate(server.settings), tmp_path)
    created = provider.create("fairmesh-aws-1", TAGS, USER_DATA)
    (listed,) = provider.instances(TAGS)
    assert (listed.id, listed.state, listed.token) == (created.id, RUNNING, TAGS[TOKEN])
    assert listed.address
    assert provider.instances({HOME: "other"}) == []
    assert "Linux" in provider.console(created.id)
    provider.destroy(created.id)
    provider.destroy("i-00000000")
    assert [instance.state for instance in provider.instances(TAGS)] == [GONE]
    assert server.running() == []


def test_ec2_destroys_an_instance_that_shuts_down_and_gives_it_its_user_data(server: Ec2Server, tmp_path: Path) -> None:
    provider = make_provider(Settings.model_validate(server.settings), tmp_path)
    identity = provider.create("fairmesh-aws-1", TAGS, USER_DATA).id
    client = server.client()
    behavior = client.describe_instance_attribute(InstanceId=identity, Attribute="instanceInitiatedShutdownBehavior")
    assert behavior["InstanceInitiatedShutdownBehavior"] == {"Value": "terminate"}
    (instance,) = server.running()
    assert instance["ClientToken"] == TAGS[TOKEN]


def test_errors_of_ec2_have_no_keys_and_no_user_data(server: Ec2Server, tmp_path: Path) -> None:
    settings = server.settings | {"driver": server.driver | {"port": 1}}
    provider = make_provider(Settings.model_validate(settings), tmp_path)
    with pytest.raises(ProviderError) as caught:
        provider.create("fairmesh-aws-1", TAGS, "PRIVATE KEY")
    assert "Connection refused" in str(caught.value)
    assert not any(text in str(caught.value) for text in ("UserData", *KEYS.values()))
    assert not caught.value.is_certain


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("libcloud")
    for name in (*KEYS, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    settings = Settings.model_validate({"libcloud": "ec2", "size": "a", "image": "b"})
    with pytest.raises(InputError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"):
        make_provider(settings, tmp_path)
    text = "[default]\naws_access_key_id = AKID\naws_secret_access_key = se%cret\n"
    (tmp_path / "credentials").write_text(text)
    make_provider(settings, tmp_path)


@pytest.mark.parametrize(
    ("name", "arguments", "environment"),
    [
        (
            "openstack",
            {"networks": ["5f"], "ex_security_groups": ["ssh"]},
            {"OS_USERNAME": "ada", "OS_PASSWORD": "x", "OS_PROJECT_NAME": "p", "OS_AUTH_URL": "https://h:5000/v3"},
        ),
        ("azure_arm", {"ex_resource_group": "g", "ex_network": "n"}, {}),
        ("gce", {"ex_network": "default"}, {}),
        ("ec2", {"ex_keyname": "k", "ex_spot": True}, KEYS),
    ],
)
def test_arguments_of_each_cloud_are_those_of_its_driver(
    name: str, arguments: dict[str, object], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cloud is asked: the names of the arguments are compared with those of the installed Libcloud."""
    pytest.importorskip("libcloud")
    from libcloud.compute.drivers.openstack import OpenStack_2_NodeDriver  # noqa: PLC0415
    from libcloud.compute.providers import get_driver  # noqa: PLC0415
    from libcloud.compute.types import Provider  # noqa: PLC0415

    from fairmesh.machines.providers.credentials import credentials  # noqa: PLC0415
    from fairmesh.machines.providers.dialects import DIALECTS  # noqa: PLC0415

    class Driver:
        def list_sizes(self, location: object = None) -> list[object]:
            return [type("Size", (), {"id": "1", "name": "small"})]

        def list_images(self) -> list[object]:
            return [type("Image", (), {"id": "p:o:s:v", "name": "debian"})]

    dialect = DIALECTS[name]
    settings = Settings.model_validate(
        {"libcloud": name, "size": "small", "image": "p:o:s:v", "region": "us-east-1", "options": arguments}
    )
    real = OpenStack_2_NodeDriver if name == "openstack" else get_driver(getattr(Provider, dialect.key_class))
    made = dialect.create(Driver(), settings, TAGS, '["ssh-ed25519 AAAA"]')
    assert made.keys() <= inspect.signature(real.create_node).parameters.keys()
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    if environment:
        assert credentials(name)["secret"] == list(environment.values())[1]
