"""Parameters and metrics in a crate, and their values."""

from __future__ import annotations

from typing import Any

from fairmesh.fair import vocabulary as v
from fairmesh.fair.crate_graph import Entity, Graph, fragment, ref
from fairmesh.files import canonical_json, text_sha256
from fairmesh.results import MetricValue, StudyResults, Summary
from fairmesh.results.statistics import half_width

_TYPES = {"integer": "Integer", "number": "Number", "string": "Text", "boolean": "Boolean"}
_USAGE = {
    "cpu_s": ("CPU time", "SEC", "s"),
    "peak_bytes": ("Peak memory", "AD", "byte"),
    "read_bytes": ("Bytes read", "AD", "byte"),
    "write_bytes": ("Bytes written", "AD", "byte"),
    "energy_j": ("Energy", "JOU", "J"),
}
"""Resource usage: description, and unit as UN/CEFACT code and as text."""


class Parameters:
    """The parameters and metrics of a study as entities of a graph.

    Parameters
    ----------
    graph : Graph
        That gets them.
    study : StudyResults
        Whose they are.
    """

    def __init__(self, graph: Graph, study: StudyResults) -> None:
        self._graph, self._study = graph, study
        self._declared: dict[str, Any] = study.plan["application"].get("parameters") or {}
        self._known: dict[tuple[str, str], Entity] = {}
        graph.add(v.PARAMETER_PROFILE, "CreativeWork", name="Bioschemas FormalParameter", version="1.0-RELEASE")
        self.inputs: dict[str, Entity] = {}
        names = {
            **self._declared,
            **{name: {} for experiment in study.experiments[:1] for name in experiment.parameters},
        }
        for name in names:
            self.inputs[name] = self._parameter(name, self._declared.get(name) or {})
        self.outputs = {metric.name: self._metric(metric.name) for metric in study.metrics}

    def _parameter(self, name: str, declared: dict[str, Any]) -> Entity:
        return self._graph.add(
            f"#parameter/{fragment(name)}",
            "FormalParameter",
            name=name,
            additionalType=_TYPES.get(str(declared.get("type")), "PropertyValue"),
            description=str(declared.get("description") or ""),
            defaultValue=_plain(declared["default"]) if declared.get("default") is not None else None,
            conformsTo=ref(v.PARAMETER_PROFILE),
            valueRequired=False,
        )

    def _metric(self, name: str) -> Entity:
        metric = next(metric for metric in self._study.metrics if metric.name == name)
        return self._graph.add(
            f"#metric/{fragment(name)}",
            "FormalParameter",
            name=name,
            additionalType="Number",
            description=metric.description or metric.title,
            conformsTo=ref(v.PARAMETER_PROFILE),
        )

    def value(self, name: str, value: Any) -> Entity:
        """Return the entity of a value of a parameter."""
        text = canonical_json(value)
        if (name, text) not in self._known:
            declared = self._declared.get(name) or {}
            self._known[name, text] = self._graph.add(
                f"#value/{text_sha256(canonical_json([name, text]))[:16]}",
                "PropertyValue",
                name=name,
                value=_plain(value),
                unitText=str(declared.get("unit") or ""),
                exampleOfWork=self.inputs.get(name) or self._late(name),
            )
        return self._known[name, text]

    def _late(self, name: str) -> Entity:
        """Add a parameter that the first experiment does not have."""
        self.inputs[name] = self._parameter(name, self._declared.get(name) or {})
        return self.inputs[name]

    def measured(self, owner: str, name: str, measured: MetricValue) -> Entity:
        """Add the measured value of a metric."""
        metric = next(metric for metric in self._study.metrics if metric.name == name)
        interval = (
            {}
            if measured.low is None or measured.high is None
            else {"minValue": measured.low, "maxValue": measured.high}
        )
        return self._graph.add(
            f"#measured/{owner}/{fragment(name)}",
            "PropertyValue",
            name=name,
            value=measured.value,
            unitText=metric.unit,
            exampleOfWork=self.outputs[name],
            **interval,
        )

    def mean(self, owner: str, name: str, point: str, summary: Summary) -> Entity:
        """Add the mean of a metric over the repeats of a point, with its 95 % interval."""
        half = half_width(summary)
        interval = {} if half is None else {"minValue": summary.mean - half, "maxValue": summary.mean + half}
        return self._graph.add(
            f"#mean/{owner}/{fragment(name)}",
            "PropertyValue",
            name=name,
            value=summary.mean,
            unitText=next(metric.unit for metric in self._study.metrics if metric.name == name),
            description=f"Mean over {summary.n} repeats of {point}"
            + (", minValue to maxValue is its 95 % interval" if interval else ""),
            exampleOfWork=self.outputs[name],
            **interval,
        )

    def usage(self, owner: str, usage: dict[str, Any]) -> list[Entity]:
        """Add the resource usage of an attempt."""
        method = str(usage.get("energy_method") or "")
        return [
            self._graph.add(
                f"#usage/{owner}/{key}",
                "PropertyValue",
                name=name,
                propertyID=key,
                value=usage[key],
                unitCode=code,
                unitText=unit,
                description=f"Method: {method}" if key == "energy_j" and method else "",
            )
            for key, (name, code, unit) in _USAGE.items()
            if usage.get(key) is not None
        ]

    def settings(self, environment: dict[str, Any], record: dict[str, Any] | None) -> list[Entity]:
        """Add variables for threads and determinism, and those of the scheduler."""
        provenance = (record or {}).get("provenance")
        scheduler = provenance.get("scheduler") if isinstance(provenance, dict) else None
        job = scheduler if isinstance(scheduler, dict) else {}
        own = {f"job of {job['name']}": job.get("job")} if job.get("name") else {}
        parts = [environment.get("variables"), own, job.get("variables")]
        variables = {str(name): str(value) for part in parts if isinstance(part, dict) for name, value in part.items()}
        return [
            self._graph.add(
                f"#variable/{text_sha256(canonical_json([name, value]))[:16]}", "PropertyValue", name=name, value=value
            )
            for name, value in sorted(variables.items())
        ]


def _plain(value: Any) -> Any:
    """Return a value for JSON-LD: lists and maps as text."""
    return value if isinstance(value, str | int | float) else canonical_json(value)
