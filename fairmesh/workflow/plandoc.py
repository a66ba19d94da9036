"""The content of plan.json: the plan, and what its readers need of application and publisher."""

from __future__ import annotations

from typing import Any

from fairmesh.study import Plan
from fairmesh.study.settings import Config

OF_APPLICATION = {"name", "version", "title", "licence", "authors", "citation", "description", "url", "keywords"}
DECLARED = {"parameters", "metrics", "tables"}


def plan_document(plan: Plan, config: Config) -> dict[str, Any]:
    """Return the content of plan.json."""
    application = plan.application.model_dump(include=OF_APPLICATION | DECLARED, by_alias=True, exclude_none=True)
    stages = {name: each.title for name, each in plan.application.all_stages.items()}
    return plan.to_json() | {
        "application": application | {"stages": stages},
        "measure": plan.measure,
        "source": str(plan.source),
        "publisher": config.publisher.model_dump(),
    }
