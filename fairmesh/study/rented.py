"""The keys of ``config/machines.yaml`` that describe rented machines: who provides them, and their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from fairmesh.schema.model import Model, Text, meaning

Command = Annotated[list[Text], Field(min_length=1)]
UserName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Minutes = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_SECRETS = ("password", "secret", "token", "credential", "private_key", "api_key", "access_key")


class Provider(Model):
    """Who creates, lists and destroys the instances of a rented machine: Apache Libcloud or three commands."""

    libcloud: Annotated[
        Literal["ec2", "openstack", "gce", "azure_arm"] | None,
        meaning("Driver of Apache Libcloud. Credentials come from the environment or the provider's own files.", "ec2"),
    ] = None
    region: Annotated[Text | None, meaning("Region of the provider, or zone where it has zones.", "eu-central-1")] = (
        None
    )
    size: Annotated[Text | None, meaning("Name or id of the size of an instance.", "m7i.large")] = None
    image: Annotated[
        Text | None, meaning("Name or id of the image; it must run cloud-init.", "ami-0123456789abcdef0")
    ] = None
    address: Annotated[Literal["public", "private"], meaning("Which address of an instance ssh connects to.")] = (
        "public"
    )
    driver: Annotated[
        dict[str, Any],
        meaning(
            "More arguments of Libcloud's driver. Passwords are not allowed here.",
            {"ex_force_service_region": "RegionOne"},
        ),
    ] = Field(default_factory=dict)
    options: Annotated[
        dict[str, Any],
        meaning("More arguments of Libcloud's `create_node`.", {"ex_spot": True, "ex_security_groups": ["ssh"]}),
    ] = Field(default_factory=dict)
    create: Annotated[
        Command | None,
        meaning("Program and arguments that create one instance: JSON in, JSON out.", ["./cloud/create.sh"]),
    ] = None
    list: Annotated[
        Command | None, meaning("Program and arguments that list instances as JSON.", ["./cloud/list.sh"])
    ] = None
    destroy: Annotated[
        Command | None, meaning("Program and arguments that destroy an instance.", ["./cloud/destroy.sh"])
    ] = None
    console: Annotated[
        Command | None,
        meaning("Program and arguments that print the console of an instance.", ["./cloud/console.sh"]),
    ] = None

    @model_validator(mode="after")
    def _is_complete(self) -> Provider:
        """Check that the keys are those of one way of renting, and that none is a secret."""
        library, commands = ("libcloud", "size", "image"), ("create", "list", "destroy")
        needed = library if self.libcloud else commands
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            raise ValueError(f"lacks {', '.join(missing)}: needs {', '.join(library)}, or {', '.join(commands)}")
        if self.libcloud and (self.create or self.list or self.destroy or self.console):
            raise ValueError("has both `libcloud` and commands: choose one")
        secret = next((key for key in (*self.driver, *self.options) if _is_secret(key)), None)
        if secret:
            raise ValueError(f"must not contain {secret!r}: credentials belong into the environment")
        return self


def _is_secret(key: str) -> bool:
    return key in {"key", "secret"} or any(word in key.lower() for word in _SECRETS)


class Budget(Model):
    """The most that the instances of a machine may take for one study, over all of its runs."""

    hours: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False), meaning("Hours of all instances together.", 20.0)
    ] = None
    money: Annotated[float | None, Field(gt=0, allow_inf_nan=False), meaning("Money, by `price` of an hour.", 15.0)] = (
        None
    )

    @model_validator(mode="after")
    def _has_limit(self) -> Budget:
        if self.hours is None and self.money is None:
            raise ValueError("needs 'hours' or 'money'")
        return self
