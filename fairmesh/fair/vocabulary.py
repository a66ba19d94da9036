"""The terms of the crate, their sources, and the profiles that define them.

``CRATE`` and ``RUN`` are those terms of the two published contexts that the crate uses, so that it can be read, and
checked with any validator, where there is no network.
"""

from __future__ import annotations

CRATE_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
RUN_CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"

CRATE_1_1 = "https://w3id.org/ro/crate/1.1"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROCESS_RUN = "https://w3id.org/ro/wfrun/process/0.5"
WORKFLOW_RUN = "https://w3id.org/ro/wfrun/workflow/0.5"
PROVENANCE_RUN = "https://w3id.org/ro/wfrun/provenance/0.5"
PROFILES = {
    PROCESS_RUN: ("Process Run Crate", "0.5"),
    WORKFLOW_RUN: ("Workflow Run Crate", "0.5"),
    PROVENANCE_RUN: ("Provenance Run Crate", "0.5"),
    WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
"""The profiles of the root data set, with names and versions."""

WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
PARAMETER_PROFILE = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
SNAKEMAKE = "https://snakemake.github.io/"

ACTIVE = "http://schema.org/ActiveActionStatus"
COMPLETED, FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"

_SCHEMA = "http://schema.org/"
_BIOSCHEMAS = "https://bioschemas.org/"
_RUN = "https://w3id.org/ro/terms/workflow-run#"

_SCHEMA_TERMS = """
    ComputerLanguage ControlAction CreateAction CreativeWork Dataset Grant HowTo HowToStep Organization
    OrganizeAction Person PropertyValue SoftwareApplication SoftwareSourceCode about actionStatus
    additionalType affiliation agent author citation codeRepository conditionsOfAccess contentSize dateCreated
    dateModified datePublished defaultValue description encodingFormat endTime error exampleOfWork familyName
    fundedItem funder givenName hasPart identifier instrument keywords license mainEntity maxValue mentions
    minValue name object position programmingLanguage propertyID publisher result softwareRequirements
    softwareVersion startTime step unitCode unitText url value valueRequired variableMeasured version
    workExample
"""

CRATE = {term: f"{_SCHEMA}{term}" for term in _SCHEMA_TERMS.split()} | {
    "File": f"{_SCHEMA}MediaObject",
    "ComputationalWorkflow": f"{_BIOSCHEMAS}ComputationalWorkflow",
    "FormalParameter": f"{_BIOSCHEMAS}FormalParameter",
    "input": f"{_BIOSCHEMAS}ComputationalWorkflow#input",
    "output": f"{_BIOSCHEMAS}ComputationalWorkflow#output",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
}
RUN = {term: f"{_RUN}{term}" for term in ("ContainerImage", "containerImage", "environment", "resourceUsage", "sha256")}
IMAGES = dict.fromkeys(("docker", "podman"), f"{_RUN}DockerImage") | dict.fromkeys(
    ("apptainer", "singularity"), f"{_RUN}SIFImage"
)
"""The container types of the profile."""
CONTEXTS = {CRATE_CONTEXT: CRATE, RUN_CONTEXT: RUN}
