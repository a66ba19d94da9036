"""One attempt: from the claim to the commit."""

import os
import shutil
import signal
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import allocation, cancel, commit, environment, jsonfiles, limit, owner, protocol, provenance
from .claims import PROCESS, Claims
from .job import Job
from .machine_lock import MachineLock
from .mllog import Events, milliseconds
from .output import Output
from .program import PASSED_ON, Program, Signals
from .status import Status
from .telemetry import Telemetry

LOOK_FOR_CANCEL = 2.0  # seconds
NEARLY_ALL = 0.95


class End(NamedTuple):
    """How an attempt ended, and the signal that brings the program there if it still runs."""

    state: str
    reason: str = ""
    signal: int = signal.SIGTERM
    grace: Optional[float] = None


class Attempt:
    """An attempt whose claim this process holds."""

    def __init__(self, job: Job, number: int, signals: Signals) -> None:
        self.job, self.number, self.signals = job, number, signals
        self.claims = Claims(job.folder)
        self.folder = self.claims.attempt_folder(number)
        os.makedirs(self.folder)
        status = os.path.join(self.folder, protocol.STATUS)
        self.status = Status(status, number, owner.me(), job.run, job.fingerprint)
        self.output = Output(self.folder, self.status)
        self.events = Events(self.folder, job.experiment)
        self._started = jsonfiles.now()
        self._ended_ms = 0
        self._looked = 0.0
        self._limit = limit.Limit()

    def run(self) -> End:
        """Run the program to its end and commit a good result."""
        exit_code = None
        try:
            for name in (protocol.CONFIG, protocol.EXPERIMENT):
                shutil.copyfile(os.path.join(self.job.folder, name), os.path.join(self.folder, name))
            self.status.set_state(protocol.QUEUED)
            end, exit_code = self._execute()
        except (commit.Refused, OSError) as error:
            end = End(protocol.FAILED, str(error))
        self.events.close(self._ended_ms or milliseconds())
        self.status.end(end.state, end.reason, exit_code)
        return end

    def _execute(self) -> Tuple[End, Optional[int]]:
        stages = self.job.stage_folders()
        lock = MachineLock(self.job.exclusive)
        stopped = self._wait_for_machine(lock)
        if stopped:
            return stopped, None
        init_ms = milliseconds()
        command = self.job.command(stages)
        digest = environment.record(self.job.home, command[0], self.job.experiment.get("code", {}))
        telemetry = Telemetry(os.path.join(self.folder, protocol.TELEMETRY), self.job.exclusive)
        if not self.job.experiment.get("stage"):
            self.events.open(init_ms)
        began = time.monotonic()
        program = self._start(command, stages, lock)
        asked = self._watch(program, telemetry)
        seconds, self._ended_ms = time.monotonic() - began, milliseconds()
        self.output.read_new(whole=True)
        telemetry.flush()
        end = asked or _natural_end(program.exit_code or 0, str(self.status.values["memory"]))
        if end.state == protocol.DONE:
            end = self._commit(seconds, telemetry.usage(program), digest)
        return end, program.exit_code

    def _wait_for_machine(self, lock: MachineLock) -> Optional[End]:
        """Wait until the machine is free; give why the attempt ends before it began, if it does."""
        asked = self._why_end()
        while not asked and not allocation.job() and not lock.try_take():
            if not self.status.values["message"]:
                self.status.values["message"] = "waits for the machine, which another experiment has for itself"
                self.status.set_state(protocol.QUEUED)
            self.status.beat()
            self.signals.wait(0.25)
            asked = self._why_end()
        return asked

    def _start(self, command: List[str], stages: Dict[str, str], lock: MachineLock) -> Program:
        self._started = jsonfiles.now()
        try:
            program = Program(
                command,
                self.folder,
                self.job.environment(self.folder, stages),
                self.output.path,
                os.path.join(self.folder, PROCESS),
                [] if lock.descriptor is None else [lock.descriptor],
            )
        except (FileNotFoundError, PermissionError) as error:
            raise commit.Refused(f"its command {command[0]!r} cannot be started: {error.strerror}") from None
        self.status.values["message"] = ""
        self.status.set_state(protocol.RUNNING, started=self._started)
        self._limit = limit.of_program(self.job.experiment["resources"].get("runtime"))
        return program

    def _watch(self, program: Program, telemetry: Telemetry) -> Optional[End]:
        """See a program to its end; give why it was asked to end, if it was."""
        asked: Optional[End] = None
        while True:
            telemetry.take(program.pid, last=signal.SIGCHLD in self.signals.seen)
            self.signals.seen.discard(signal.SIGCHLD)
            if program.has_ended():
                return asked or self._late_word(program)
            self.output.read_new()
            self._note_memory(telemetry.resident_bytes)
            self.status.beat()
            if asked is None:
                asked = self._why_end()
                if asked:
                    program.request_end(asked.signal, asked.grace)
            self.signals.wait(telemetry.due_in())

    def _late_word(self, program: Program) -> Optional[End]:
        """Wait a moment for what ended a program: a scheduler signals it and this process, and it may be faster."""
        looks = 5 if -(program.exit_code or 0) in PASSED_ON else 0
        for _ in range(looks):
            if self.signals.first_end():
                return self._why_end()
            self.signals.wait(0.1)
        return None

    def _note_memory(self, used: int) -> None:
        """Write down at once that a program is about to use all the memory of its job: it may be killed for that."""
        allowed = allocation.memory()
        if allowed and used > NEARLY_ALL * allowed and not self.status.values["memory"]:
            text = f"it used {used >> 20} MB of memory, and its job has {allowed >> 20} MB"
            self.status.set_state(protocol.RUNNING, memory=text)

    def _why_end(self) -> Optional[End]:
        number = self.signals.first_end()
        if number or time.monotonic() - self._looked > LOOK_FOR_CANCEL:
            self._looked = time.monotonic()
            wish = cancel.reason(self.job.folder) or cancel.reason(self.job.run_folder)
            if wish:  # also where the scheduler, which was asked as well, was faster with its signal
                return End(protocol.CANCELLED, wish, number or signal.SIGTERM)
        if self._limit.is_reached(signalled=bool(number)):
            return End(protocol.TIMEOUT, self._limit.reason, grace=self._limit.grace)
        if number:
            return End(protocol.CANCELLED, "stopped by " + signal.Signals(number).name, number)
        return None

    def _commit(self, seconds: float, usage: Dict[str, Any], digest: str) -> End:
        experiment = self.job.experiment
        is_stage = bool(experiment.get("stage"))
        metrics = {} if is_stage else commit.read_metrics(self.folder, experiment.get("primary", ""))
        baselines = commit.read_baselines(self.folder)
        if experiment.get("keep"):
            commit.keep_only(self.folder, experiment["keep"])
        if self.claims.highest() != self.number:
            return End(protocol.LOST, "another attempt took over")
        self.events.close(self._ended_ms, metrics)
        passed_on = (
            "study",
            "machine",
            "id",
            "key",
            "fingerprint",
            "application",
            "parameters",
            "axes",
            "resources",
            "stages",
        )
        content: Dict[str, Any] = {"format": protocol.FORMAT}
        content.update((key, experiment[key]) for key in passed_on)
        content["application"] = {key: experiment["application"][key] for key in ("name", "version")}
        content.update(
            attempt=self.number,
            run=self.job.run,
            state=protocol.DONE,
            started=self._started,
            ended=jsonfiles.now(),
            seconds=round(seconds, 3),
            metrics=metrics,
            baselines=baselines,
            usage=usage,
            environment=digest,
            provenance=provenance.of_attempt(experiment, self.job.home),
            files=commit.list_files(self.job.folder, self.folder),
        )
        commit.write(self.job.folder, content)
        return End(protocol.DONE)


def _natural_end(exit_code: int, memory: str) -> End:
    if exit_code == 0:
        return End(protocol.DONE)
    if exit_code < 0:
        why = ": " + memory if memory and exit_code == -signal.SIGKILL else ""
        return End(protocol.FAILED, f"killed by {signal.Signals(-exit_code).name}{why}")
    return End(protocol.FAILED, f"exit code {exit_code}")
