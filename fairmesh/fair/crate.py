"""``ro-crate-metadata.json``: RO-Crate 1.1 with the profile Provenance Run Crate 0.5."""

from __future__ import annotations

from typing import Any

from fairmesh.fair import vocabulary as v
from fairmesh.fair.crate_actions import Actions, Tools
from fairmesh.fair.crate_graph import Entity, Graph, ref, refs
from fairmesh.fair.inventory import File, address, manifest
from fairmesh.fair.package import MAIN, Package
from fairmesh.fair.parameters import Parameters
from fairmesh.fair.publisher import Organization
from fairmesh.runner.protocol import EXPERIMENTS, RECORDS

DESCRIPTOR, PREVIEW, SUMS, README = "ro-crate-metadata.json", "ro-crate-preview.html", "SHA256SUMS", "README.md"


def crate(package: Package) -> dict[str, Any]:
    """Return the content of ``ro-crate-metadata.json``.

    Parameters
    ----------
    package : Package
        The study, in whose inventory are the other documents as well.
    """
    graph = Graph()
    graph.add(
        DESCRIPTOR,
        "CreativeWork",
        about=ref("./"),
        conformsTo=[ref(v.CRATE_1_1), ref(v.WORKFLOW_CRATE)],
        encodingFormat="application/ld+json",
    )
    graph.add("./", "Dataset")
    parameters = Parameters(graph, package.study)
    tools = Tools(graph, package, parameters)
    actions = Actions(graph, package, parameters, tools)
    parts = [*_files(graph, package), *_data_sets(graph, package)]
    graph.update("./", **_root(graph, package, parts, actions.all))
    return {"@context": [v.CRATE_CONTEXT, v.RUN_CONTEXT], "@graph": graph.to_list()}


def _root(graph: Graph, package: Package, parts: list[Entity], actions: list[Entity]) -> dict[str, Any]:
    owner = package.owner
    profiles = [
        graph.add(uri, "CreativeWork", name=name, version=version) for uri, (name, version) in v.PROFILES.items()
    ]
    graph.add(v.CRATE_1_1, "CreativeWork", name="RO-Crate", version="1.1")
    properties = {
        "name": package.title,
        "description": package.description,
        "identifier": package.address,
        "version": package.version,
        "datePublished": package.publication.first,
        "dateModified": package.publication.modified,
        "dateCreated": package.ended[:10],
        "license": graph.licence(owner.licence),
        "author": [graph.person(item, owner.text("url")) for item in owner.authors],
        "publisher": graph.organization(owner.organization) if owner.organization else None,
        "funder": [_grant(graph, item) for item in owner.funding],
        "keywords": package.keywords,
        "conditionsOfAccess": owner.text("access"),
        "citation": str(package.application.get("citation") or ""),
        "url": package.address if owner.doi else "",
        "variableMeasured": [metric.label for metric in package.study.metrics],
        "conformsTo": profiles,
        "mainEntity": ref(MAIN) if MAIN in package.inventory.files else None,
        "mentions": actions,
        "hasPart": parts,
    }
    return {key: value for key, value in properties.items() if value not in ("", None, [])}


def _grant(graph: Graph, funding: dict[str, str]) -> Entity:
    """Add a grant with its funder; without a number, only the funder."""
    funder = graph.organization(Organization(funding["funder"], funding["url"]))
    if funding["award"]:
        graph.add(
            f"#grant/{address(funding['award'])}",
            "Grant",
            name=funding["title"] or funding["award"],
            identifier=funding["award"],
            funder=funder,
            fundedItem=ref("./"),
        )
    return funder


def _files(graph: Graph, package: Package) -> list[Entity]:
    """Add all files, or only the shared ones in a large package."""
    listed = [file for file in package.inventory if not (package.is_large and _is_of_one(file))]
    for file in listed:
        graph.file(file, about=ref("./") if file.path == README else None)
    graph.add(SUMS, "File", name=SUMS, encodingFormat="text/plain", description="SHA-256 of every other file")
    return [*refs(listed), ref(SUMS)]


def _is_of_one(file: File) -> bool:
    return file.path.startswith((f"{RECORDS}/", f"{EXPERIMENTS}/"))


def _data_sets(graph: Graph, package: Package) -> list[Entity]:
    """Return the data sets of a large package, one for each experiment and one for all records."""
    if not package.is_large:
        return []
    records = [experiment.record for experiment in package.done if experiment.record]
    all_records = graph.add(
        f"{RECORDS}/",
        "Dataset",
        name="The records of all experiments",
        description=f"{len(records)} files; sha256 is that of their lines in SHA256SUMS, paths from here",
        contentSize=str(sum(file.bytes for file in records)),
        sha256=manifest(records, RECORDS),
    )
    return [all_records, *(ref(f"{address(experiment.folder)}/") for experiment in package.experiments)]
