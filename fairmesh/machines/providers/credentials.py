"""Credentials of Libcloud's drivers: from the environment, or from the files of the providers' own tools."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.runner import jsonfiles


def credentials(driver: str) -> dict[str, str]:
    """Return the arguments of a driver that say who asks.

    Raises
    ------
    InputError
        If something is missing, with the names of the variables.
    """
    return _READERS[driver](os.environ)


def _ec2(environment: Mapping[str, str]) -> dict[str, str]:
    names = {"key": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
    given = {argument: environment.get(name, "") for argument, name in names.items()}
    if not given["key"]:
        given = _aws_profile(environment, names)
    given = {argument: value for argument, value in given.items() if value}
    if not given.keys() >= {"key", "secret"}:
        raise _missing("ec2", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and ~/.aws/credentials")
    return given


def _aws_profile(environment: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a profile in the file of the command ``aws``."""
    path = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, ConfigError, UnicodeDecodeError):
        return {}
    profile = environment.get("AWS_PROFILE", "default")
    section = parser[profile] if parser.has_section(profile) else {}
    return {argument: section.get(name.lower(), "") for argument, name in names.items()}


def _openstack(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments from the variables of an ``openrc`` file, of a password or an application credential."""
    application = "OS_APPLICATION_CREDENTIAL_ID"
    is_application = bool(environment.get(application))
    who = (
        {"key": application, "secret": "OS_APPLICATION_CREDENTIAL_SECRET"}
        if is_application
        else {"key": "OS_USERNAME", "secret": "OS_PASSWORD", "ex_tenant_name": "OS_PROJECT_NAME"}
    )
    optional = {"ex_domain_name": "OS_USER_DOMAIN_NAME", "ex_force_service_region": "OS_REGION_NAME"}
    given = _required("openstack", environment, {**who, "ex_force_auth_url": "OS_AUTH_URL"})
    given |= {argument: environment[name] for argument, name in optional.items() if environment.get(name)}
    return given | {"ex_force_auth_version": "3.x_appcred" if is_application else "3.x_password"}


def _gce(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments from the JSON file of a service account."""
    path = _required("gce", environment, {"key": "GOOGLE_APPLICATION_CREDENTIALS"})["key"]
    account = jsonfiles.read_map(path) or {}
    if not {"client_email", "project_id"} <= account.keys():
        raise _missing("gce", "the file of a service account in GOOGLE_APPLICATION_CREDENTIALS")
    return {"user_id": str(account["client_email"]), "key": path, "project": str(account["project_id"])}


def _azure_arm(environment: Mapping[str, str]) -> dict[str, str]:
    names = {"tenant_id": "TENANT_ID", "subscription_id": "SUBSCRIPTION_ID", "key": "CLIENT_ID"}
    names["secret"] = "CLIENT_SECRET"  # noqa: S105
    return _required("azure_arm", environment, {key: f"AZURE_{name}" for key, name in names.items()})


def _required(driver: str, environment: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in names.values() if not environment.get(name)]
    if missing:
        raise _missing(driver, ", ".join(missing))
    return {argument: environment[name] for argument, name in names.items()}


def _missing(driver: str, what: str) -> InputError:
    return InputError([Problem(f"{driver} needs credentials: set {what} in the environment")])


_READERS: dict[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
    "ec2": _ec2,
    "openstack": _openstack,
    "gce": _gce,
    "azure_arm": _azure_arm,
}
