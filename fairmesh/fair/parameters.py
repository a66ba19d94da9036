"""Parameters and metrics in a crate: what they are, and their values, each value once."""

from __future__ import annotations

from typing import Any

from fairmesh.fair import vocabulary as v
from fairmesh.fair.entities import Entity, Graph, fragment, ref
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
"""What is recorded of an attempt: in words, and its unit as UN/CEFACT and as text."""


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
        names = {**self._declared, **{name: {} for each in study.experiments[:1] for name in each.parameters}}
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
        metric = next(each for each in self._study.metrics if each.name == name)
        return self._graph.add(
            f"#metric/{fragment(name)}",
            "FormalParameter",
            name=name,
            additionalType="Number",
            description=metric.description or metric.title,
            conformsTo=ref(v.PARAMETER_PROFILE),
        )

    def value(self, name: str, value: Any) -> Entity:
        """Return the entity of a parameter's value."""
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
        """Add a parameter that only some experiments have."""
        self.inputs[name] = self._parameter(name, self._declared.get(name) or {})
        return self.inputs[name]

    def measured(self, whose: str, name: str, found: MetricValue) -> Entity:
        """Add the measured value of a metric."""
        metric = next(each for each in self._study.metrics if each.name == name)
        interval = {} if found.low is None or found.high is None else {"minValue": found.low, "maxValue": found.high}
        return self._graph.add(
            f"#measured/{whose}/{fragment(name)}",
            "PropertyValue",
            name=name,
            value=found.value,
            unitText=metric.unit,
            exampleOfWork=self.outputs[name],
            **interval,
        )

    def mean(self, whose: str, name: str, point: str, found: Summary) -> Entity:
        """Add the mean of a metric over the repeats of a point, with its 95 % interval."""
        half = half_width(found)
        interval = {} if half is None else {"minValue": found.mean - half, "maxValue": found.mean + half}
        return self._graph.add(
            f"#mean/{whose}/{fragment(name)}",
            "PropertyValue",
            name=name,
            value=found.mean,
            unitText=next(each.unit for each in self._study.metrics if each.name == name),
            description=f"Mean over {found.n} repeats of {point}"
            + (", minValue to maxValue is its 95 % interval" if interval else ""),
            exampleOfWork=self.outputs[name],
            **interval,
        )

    def usage(self, whose: str, usage: dict[str, Any]) -> list[Entity]:
        """Add what an attempt used."""
        method = str(usage.get("energy_method") or "")
        return [
            self._graph.add(
                f"#usage/{whose}/{key}",
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
        """Add the variables of threads and determinism, and what the scheduler said of the job."""
        provenance = (record or {}).get("provenance")
        scheduler = provenance.get("scheduler") if isinstance(provenance, dict) else None
        job = scheduler if isinstance(scheduler, dict) else {}
        own = {f"job of {job['name']}": job.get("job")} if job.get("name") else {}
        parts = [environment.get("variables"), own, job.get("variables")]
        found = {str(name): str(value) for each in parts if isinstance(each, dict) for name, value in each.items()}
        return [
            self._graph.add(
                f"#variable/{text_sha256(canonical_json([name, value]))[:16]}", "PropertyValue", name=name, value=value
            )
            for name, value in sorted(found.items())
        ]


def _plain(value: Any) -> Any:
    """Return a value that JSON-LD takes for one: lists and maps, which it takes apart, as their text."""
    return value if isinstance(value, str | int | float) else canonical_json(value)
