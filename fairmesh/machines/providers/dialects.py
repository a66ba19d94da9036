"""What differs between the drivers of Libcloud: arguments of ``create_node``, and where a node keeps its tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from libcloud.compute.base import Node, NodeAuthSSHKey, NodeImage, NodeLocation, NodeSize

from fairmesh.machines.providers.base import TOKEN, ProviderError
from fairmesh.study.rented import Provider as Settings

Arguments = dict[str, Any]


class Ec2:
    """EC2, and clouds with its interface."""

    key_class = "EC2"

    def driver(self, settings: Settings) -> Arguments:
        """Return arguments of the driver; old signatures make some servers answer with an empty list."""
        return {"signature_version": "4", **({"region": settings.region} if settings.region else {})}

    def create(self, driver: Any, settings: Settings, tags: Mapping[str, str], user_data: str) -> Arguments:
        """Return arguments of ``create_node``: a shutdown destroys the instance, and a repeated call creates none."""
        options = dict(settings.options)
        if isinstance(options.get("ex_subnet"), str):
            options["ex_subnet"] = SimpleNamespace(id=options["ex_subnet"])
        return {
            "size": NodeSize(str(settings.size), str(settings.size), 0, 0, 0, 0, driver),
            "image": NodeImage(str(settings.image), str(settings.image), driver),
            "ex_metadata": dict(tags),
            "ex_userdata": user_data,
            "ex_clienttoken": tags[TOKEN],
            "ex_terminate_on_shutdown": True,
            **options,
        }

    def nodes(self, driver: Any, tags: Mapping[str, str]) -> list[Node]:
        """Return the nodes with tags."""
        return list(driver.list_nodes(ex_filters={f"tag:{key}": value for key, value in tags.items()}))

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return the tags of a node."""
        return node.extra.get("tags") or {}

    def encode(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return tags as the provider keeps them."""
        return dict(tags)

    def console(self, driver: Any, node: Node) -> str:
        """Return the console of a node."""
        return driver.ex_get_console_output(node).get("output") or ""


class OpenStack(Ec2):
    """OpenStack."""

    key_class = "OPENSTACK"

    def driver(self, settings: Settings) -> Arguments:
        """Return arguments of the driver."""
        return {"api_version": "2.2", **({"ex_force_service_region": settings.region} if settings.region else {})}

    def create(self, driver: Any, settings: Settings, tags: Mapping[str, str], user_data: str) -> Arguments:
        """Return arguments of ``create_node``; networks are given by id, security groups by name."""
        options = dict(settings.options)
        options["networks"] = [SimpleNamespace(id=network) for network in options.get("networks", ())]
        options["ex_security_groups"] = [SimpleNamespace(name=name) for name in options.get("ex_security_groups", ())]
        return {
            "size": _named(driver.list_sizes(), settings.size, "size"),
            "image": _named(driver.list_images(), settings.image, "image"),
            "ex_metadata": dict(tags),
            "ex_userdata": user_data,
            **options,
        }

    def nodes(self, driver: Any, tags: Mapping[str, str]) -> list[Node]:
        """Return all nodes: the driver has no filter."""
        return list(driver.list_nodes())

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return the tags of a node."""
        return node.extra.get("metadata") or {}


class Gce(OpenStack):
    """Google Compute Engine, whose labels are lower-case."""

    key_class = "GCE"

    def driver(self, settings: Settings) -> Arguments:
        """Return arguments of the driver."""
        return {"datacenter": settings.region} if settings.region else {}

    def create(self, driver: Any, settings: Settings, tags: Mapping[str, str], user_data: str) -> Arguments:
        """Return arguments of ``create_node``."""
        return {
            "size": settings.size,
            "image": settings.image,
            "ex_labels": self.encode(tags),
            "ex_metadata": {"items": [{"key": "user-data", "value": user_data}]},
            **settings.options,
        }

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return the tags of a node."""
        return node.extra.get("labels") or {}

    def encode(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return tags as labels: lower-case letters, digits, ``-`` and ``_``."""
        return {key: re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63] for key, value in tags.items()}

    def console(self, driver: Any, node: Node) -> str:
        """Return the console of a node."""
        return str(driver.ex_get_serial_output(node))


class AzureArm(OpenStack):
    """Azure; an image is ``publisher:offer:sku:version``."""

    key_class = "AZURE_ARM"

    def driver(self, settings: Settings) -> Arguments:
        """Return arguments of the driver."""
        return {"region": settings.region} if settings.region else {}

    def create(self, driver: Any, settings: Settings, tags: Mapping[str, str], user_data: str) -> Arguments:
        """Return arguments of ``create_node``."""
        from libcloud.compute.drivers.azure_arm import AzureImage  # noqa: PLC0415  other drivers do without it

        parts = (settings.image or "").split(":")
        if len(parts) != 4 or not settings.region:
            raise ProviderError("azure_arm needs a region, and an image as publisher:offer:sku:version")
        publisher, offer, sku, version = parts
        location = NodeLocation(settings.region, settings.region, "", driver)
        return {
            "size": _named(driver.list_sizes(location), settings.size, "size"),
            "image": AzureImage(version, sku, offer, publisher, settings.region, driver),  # type: ignore[no-untyped-call]
            "location": location,
            "auth": NodeAuthSSHKey(_authorized_key(user_data)),
            "ex_tags": dict(tags),
            "ex_customdata": user_data,
            "ex_use_managed_disks": True,
            "ex_os_disk_delete": True,
            **settings.options,
        }

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return the tags of a node."""
        return node.extra.get("tags") or {}

    def console(self, driver: Any, node: Node) -> str:
        """Raise the error: the driver cannot read the console."""
        raise ProviderError("azure_arm has no console; use `host_key: cloud-init`")


def _named(entries: list[Any], name: str | None, kind: str) -> Any:
    """Return the entry of a name or an id."""
    match = next((entry for entry in entries if name in {entry.id, entry.name}), None)
    if match is None:
        raise ProviderError(f"the provider has no {kind} {name!r}")
    return match


def _authorized_key(user_data: str) -> str:
    found = re.search(r"ssh-[a-z0-9]+ [A-Za-z0-9+/=]+", user_data)
    return found[0] if found else ""


DIALECTS = {"ec2": Ec2(), "openstack": OpenStack(), "gce": Gce(), "azure_arm": AzureArm()}
