"""The resources of the rules."""

from __future__ import annotations

from typing import Any

import pytest
from snakemake.resources import Resource

from fairmesh.workflow.targets import Target, resource_functions


def target(**resources: Any) -> Target:
    return Target("experiment", "out", "folder", "f", [], resources, exclusive=False, conda=None)


@pytest.mark.parametrize(("own", "expected"), [({"mem_mb": 5}, 5), ({}, 700)])
def test_a_default_counts_where_a_job_says_nothing(own: dict[str, Any], expected: int) -> None:
    functions = resource_functions(["mem_mb", "gres"], lambda _: target(**own), {"mem_mb": Resource("mem_mb", 700)})
    assert functions["mem_mb"](None) == expected
    assert functions["gres"](None) is None


@pytest.mark.parametrize(("own", "expected"), [({"mem_mb": 5}, 5), ({}, 200)])
def test_a_default_may_be_computed_from_the_attempt(own: dict[str, Any], expected: int) -> None:
    usual = {"mem_mb": Resource("mem_mb", lambda wildcards, attempt: 100 * attempt)}
    function = resource_functions(["mem_mb"], lambda _: target(**own), usual)["mem_mb"]
    assert function(None, input=[], attempt=2, threads=1, rulename="experiment") == expected


def test_an_exclusive_job_has_the_threads_of_its_machine_unless_it_names_them() -> None:
    alone = Target("experiment", "out", "folder", "f", [], {}, exclusive=True, conda=None)
    named = Target("experiment", "out", "folder", "f", [], {"threads": 3}, exclusive=True, conda=None)
    assert (target().threads(8), alone.threads(8), named.threads(8)) == (1, 8, 3)
