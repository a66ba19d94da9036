"""Application files: parts that fit each other, or a line that says which do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study.validation import load_application
from fairmesh.study.values import RESOURCES

HEAD = "name: a\nversion: 1\n"
RUN = HEAD + "command: [run]\n"
ALLOWED = f"(allowed: {', '.join(RESOURCES)})"


def test_a_command_alone_is_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "application.yaml").write_text(RUN)
    application = load_application(tmp_path / "application.yaml")
    assert application.folder == tmp_path
    assert application.experiment_stage.command == ["run"]
    assert application.shared_stages == {}


def test_defaults_have_the_declared_type(root: Path) -> None:
    application = load_application(root / "sums" / "application.yaml")
    assert application.version == "1.0"
    assert application.parameters["label"].default == "1.10"
    assert application.parameters["order"].enum == ["up", "down", "off"]
    assert list(application.shared_stages) == ["numbers", "sorted"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD, "1:1: either 'command' or 'stages' is needed, and not both"),
        (HEAD + "command: run it", "3:10: 'command' must be a non-empty list, not 'run it'"),
        (RUN + "parameters: {a: {default: 1}}", "4:17: 'parameters.a.type' is missing"),
        (
            RUN + "parameters: {a: {type: int}}",
            (
                "4:24: 'parameters.a.type' must be 'integer', 'number', 'string', 'boolean', 'array', 'object' or"
                " 'null', not 'int'; did you mean 'integer'?"
            ),
        ),
        (
            RUN + "parameters: {a: {type: integer, default: 1.5}}",
            "4:42: 'parameters.a.default' must be a whole number, not 1.5",
        ),
        (
            RUN + "parameters: {a: {type: integer, enum: [1, x]}}",
            "4:43: 'parameters.a.enum[1]' must be a whole number, not 'x'",
        ),
        (
            RUN + "parameters: {a: {type: number, minimum: 2, default: 1}}",
            "4:53: 'parameters.a.default' must be a number of at least 2, not 1",
        ),
        (
            RUN + "parameters: {gpu: {type: string}}",
            "4:14: 'parameters.gpu': this name belongs to the framework",
        ),
        (
            RUN + "parameters: {a: {type: string, aliases: [b]}, b: {type: string}}",
            "4:41: 'parameters.a.aliases': 'b' is a parameter already",
        ),
        (
            RUN + "parameters: {a: {type: string, aliases: [c]}, b: {type: string, aliases: [c]}}",
            "4:74: 'parameters.b.aliases': 'c' is an alias of 'a' already",
        ),
        (
            RUN + "parameters: {a: {type: string, seed: true}}",
            "4:38: 'parameters.a.seed' is only for the type integer",
        ),
        (
            RUN + "parameters: {a: {type: integer, seed: true}, b: {type: integer, seed: true}}",
            "4:71: 'parameters.b.seed': 'a' is it already; there is only one",
        ),
        (
            RUN + "metrics: {a: {primary: true, optional: true}}",
            "4:40: 'metrics.a.optional': the primary metric ranks the experiments and cannot be optional",
        ),
        (
            RUN + "metrics: {a: {primary: true}, b: {primary: true}}",
            "4:44: 'metrics.b.primary': 'a' is it already; there is only one",
        ),
        (
            RUN + "resources: {mem: 3}",
            f"4:13: unknown resource 'resources.mem'; did you mean 'mem_mb'? {ALLOWED}",
        ),
        (
            RUN + "parameters: {aa: {type: integer}}\nresources: {mem_mb: '100 * a'}",
            (
                "5:21: 'resources.mem_mb' uses 'a', which is no parameter that it depends on;"
                " did you mean 'aa'? (allowed: aa)"
            ),
        ),
        (
            RUN + "resources: {mem_mb: '100 *'}",
            "4:21: 'resources.mem_mb' is not an expression: it ends where more is expected",
        ),
        (
            HEAD + "command: [run, '{{ epoch }}', '{{ epochs ']\nparameters: {epochs: {type: integer}}",
            (
                "3:16: 'command[1]' names 'epoch', which is not known there; did you mean 'epochs'?"
                " (allowed: epochs, application)\n"
                "application.yaml:3:31: 'command[2]' cannot be filled in:"
                " unexpected end of expression, expected its end"
            ),
        ),
        (
            HEAD
            + "parameters: {p: {type: integer}}\n"
            + "stages: {m: {command: [m, '{{ p }}']}, e: {command: [e, '{{ stage.n }}'], needs: [m]}}",
            (
                "4:27: 'stages.m.command[1]' names 'p', which is not known there (allowed: application)\n"
                "application.yaml:4:57: 'stages.e.command[1]' names 'stage.n', which is not known there;"
                " did you mean 'stage.m'? (allowed: p, application, stage.m)"
            ),
        ),
        (
            RUN + "parameters: {a: {type: [integer, nul]}}",
            (
                "4:34: 'parameters.a.type[1]' must be 'integer', 'number', 'string', 'boolean', 'array', 'object' or"
                " 'null', not 'nul'; did you mean 'null'?"
            ),
        ),
        (
            RUN + "parameters: {a: {type: [integer, null], minimum: 1, default: x}}",
            "4:62: 'parameters.a.default' must be a whole number of at least 1 or null, not 'x'",
        ),
        (
            RUN + "parameters: {a: {type: array, items: {type: integer}, default: [1, x]}}",
            "4:64: 'parameters.a.default' must be a whole number, not 'x'",
        ),
        (
            RUN + "parameters: {a: {type: string, items: {type: integer}}}",
            "4:39: 'parameters.a.items' is only for the type array",
        ),
        (
            RUN + "parameters: {a: {type: object, default: {b: [.nan]}}}",
            "4:41: 'parameters.a.default' must contain only finite numbers",
        ),
        (
            HEAD
            + "parameters: {p: {type: integer}, q: {type: integer}}\n"
            + "stages: {m: {command: [m], uses: [p], resources: {mem_mb: q}}, e: {command: [e], needs: [m]}}",
            "4:59: 'stages.m.resources.mem_mb' uses 'q', which is no parameter that it depends on (allowed: p)",
        ),
        (
            HEAD + "stages: {make: {command: [m], uses: [a]}, e: {command: [e], needs: [make]}}",
            "3:38: 'stages.make.uses': unknown parameter 'a'",
        ),
        (
            HEAD + "stages: {make: {command: [m]}, e: {command: [e], needs: [make, mak]}}",
            "3:64: 'stages.e.needs': unknown stage 'mak'; did you mean 'make'? (allowed: make)",
        ),
        (
            HEAD + "stages: {build: {command: [m]}, e: {command: [e, '{{ stage.build }}'], needs: [biuld]}}",
            "3:80: 'stages.e.needs': unknown stage 'biuld'; did you mean 'build'? (allowed: build)",
        ),
        (
            HEAD + "stages: {make: {command: [m]}, e: {command: [e]}}",
            "3:10: 'stages.make' would never run: no stage needs it",
        ),
        (
            HEAD + "stages: {a: {command: [m]}, b: {command: [m]}, e: {command: [e], needs: [a, b]}}",
            "3:29: 'stages.b' does the same as 'stages.a'",
        ),
        (
            HEAD + "stages: {a: {command: [a], needs: [b]}, b: {command: [b], needs: [a]}, e: {command: [e]}}",
            "3:9: 'stages' depend on each other in a circle: a -> b -> a",
        ),
        (
            HEAD + "parameters: {p: {type: string}}\nstages: {e: {command: [e], uses: [p]}}",
            "4:34: 'stages.e.uses': the last stage is the experiment, which uses all parameters",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "application.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_application(tmp_path / "application.yaml")
    assert str(caught.value) == f"application.yaml:{line}"
