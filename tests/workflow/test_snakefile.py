"""The resources of the rules."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from snakemake.resources import Resource, Resources

from fairmesh.workflow.targets import Target, resource_functions


def target(**resources: Any) -> Target:
    return Target("experiments", "local", "out", "folder", "f", [], resources, exclusive=False, conda=None)


@pytest.mark.parametrize(("own", "expected"), [({"mem_mb": 5}, 5), ({}, 700)])
def test_a_default_counts_where_a_job_says_nothing(own: dict[str, Any], expected: int) -> None:
    functions = resource_functions(["mem_mb", "gres"], lambda _: target(**own), {"mem_mb": Resource("mem_mb", 700)})
    assert functions["mem"](None) == expected
    assert functions["gres"](None) is None


@pytest.mark.parametrize(("own", "expected"), [({"mem_mb": 5}, 5), ({}, 200)])
def test_a_default_may_be_computed_from_the_attempt(own: dict[str, Any], expected: int) -> None:
    usual = {"mem_mb": Resource("mem_mb", lambda wildcards, attempt: 100 * attempt)}
    function = resource_functions(["mem_mb"], lambda _: target(**own), usual)["mem"]
    assert function(None, input=[], attempt=2, threads=1, rulename="experiment") == expected


@pytest.mark.parametrize("name", ["mem_mb", "disk_mb", "runtime", "gres"])
@pytest.mark.parametrize("own", [{}, {"mem_mb": 600, "disk_mb": 600, "runtime": 600, "gres": 600}])
def test_snakemake_accepts_a_job_that_names_no_such_resource(name: str, own: dict[str, Any]) -> None:
    functions = resource_functions([name], lambda _: target(**own), {})
    resources = Resources.from_mapping(functions)
    values = dict(
        resources.expand_items(
            constraints={},
            evaluate=lambda resource: resource.evaluate(
                None, input=[], attempt=1, threads=1, rulename="stage", async_run=asyncio.run
            ),
        )
    )
    assert values[name] == own.get(name)


def test_an_exclusive_job_has_the_threads_of_its_machine_unless_it_names_them() -> None:
    alone = Target("experiments", "local", "out", "folder", "f", [], {}, exclusive=True, conda=None)
    named = Target("experiments", "local", "out", "folder", "f", [], {"threads": 3}, exclusive=True, conda=None)
    assert (target().threads(8), alone.threads(8), named.threads(8)) == (1, 8, 3)
