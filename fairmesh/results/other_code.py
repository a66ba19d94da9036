"""The results that were measured with other code than that of the plan, and a sentence about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairmesh.jobs.lookup import has_other_code
from fairmesh.results.load import Outcome, StudyResults

SHORT = 7  # digits of a commit
SHOWN = 3  # commits in a sentence


def measured_with_other_code(study: StudyResults) -> list[Outcome]:
    """Return the results that were measured with other code than the application had when the study ran last."""
    code = str(study.plan["application"].get("code") or "")
    return [outcome for outcome in study.done if has_other_code(outcome.record or {}, code)]


def other_code_of_study(study: StudyResults) -> str:
    """Return a sentence about the results of a study that were measured with other code; empty if there are none."""
    return other_code_sentence([study.environment(outcome) for outcome in measured_with_other_code(study)])


def other_code_sentence(environments: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence about results that were measured with other code, with its commits if they are known.

    Parameters
    ----------
    environments : sequence of mapping
        The environment of each of the results; empty if it is unknown.

    Examples
    --------
    >>> other_code_sentence([{}, {"code": {"application": {"commit": "1a2b3c4d5e6f", "dirty": True}}}])
    '2 results were measured with other code (commit 1a2b3c4 with changes)'
    """
    if not environments:
        return ""
    count = len(environments)
    results = "1 result was" if count == 1 else f"{count} results were"
    commits = sorted(filter(None, set(map(_commit, environments))))
    more = f" and {len(commits) - SHOWN} more" if len(commits) > SHOWN else ""
    noun = "commit" if len(commits) == 1 else "commits"
    known = f" ({noun} {', '.join(commits[:SHOWN])}{more})" if commits else ""
    return f"{results} measured with other code{known}"


def _commit(environment: Mapping[str, Any]) -> str:
    """Return the short commit of the application in an environment; empty if it is unknown."""
    code = (environment.get("code") or {}).get("application") or {}
    changes = " with changes" if code.get("dirty") else ""
    return f"{str(code['commit'])[:SHORT]}{changes}" if code.get("commit") else ""
