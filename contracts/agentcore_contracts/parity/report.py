"""The parity report, `parity.md`, `parity.html` and `parity.xml`, from the results of some runs and the recordings."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from agentcore_contracts.declaration import EVIDENCE
from agentcore_contracts.parity import recording
from agentcore_contracts.parity.results import Promise, Run, Shown

__all__ = ["Page", "write"]

State = Literal["kept", "failed", "differs", "skipped", "absent"]
_STATES: Final[Sequence[State]] = ("kept", "differs", "failed", "skipped")
_STATE_OF: Final[Mapping[str, State]] = {
    "passed": "kept",
    "differs": "differs",
    "failed": "failed",
    "skipped": "skipped",
}

# What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of a contract in a run. `said` is why it failed or was skipped."""

    state: State
    said: str
    differences: Sequence[Shown]

    @property
    def text(self) -> str:
        """In a word."""
        if self.state == "differs":
            return f"{sum(each.accepted is None for each in self.differences)} differ"
        if self.state == "kept" and self.differences:
            return f"kept, {len(self.differences)} accepted"
        return {"absent": "not run"}.get(self.state, self.state)


@dataclass(frozen=True, slots=True)
class Row:
    """A contract, its cells in the order of runs, and the recordings that there are of it: `aws 2026-11-24`."""

    id: str
    title: str
    evidence: str
    source: str
    cells: Sequence[Cell]
    recordings: Sequence[str]


class Page:
    """What the report shows."""

    def __init__(self, runs: Sequence[Run], recordings: Path) -> None:
        self.runs = runs
        recorded: dict[str, list[str]] = {}
        for each in recording.found(recordings):
            recorded.setdefault(each.contract, []).append(f"{each.head.target} {each.head.date}")
        known: dict[str, Promise] = {}
        for run in runs:
            known |= {contract.id: contract for contract in run.contracts}
        of_runs = [{contract.id: contract for contract in run.contracts} for run in runs]
        self.rows = [
            Row(
                each.id,
                each.title,
                each.evidence,
                each.source,
                [_cell(contracts.get(each.id)) for contracts in of_runs],
                recorded.get(each.id, []),
            )
            for each in sorted(known.values(), key=lambda contract: contract.id)
        ]

    @property
    def measured_on_aws(self) -> bool:
        """Whether any run called AWS."""
        return any(run.role == "aws" and run.measured for run in self.runs)

    @property
    def lead(self) -> str:
        """The first line."""
        if not self.measured_on_aws:
            return "Nothing of this was measured on AWS."
        parts = []
        for run in self.runs:
            if run.role == "aws" and run.measured:
                measured = sum(contract.outcome != "skipped" for contract in run.contracts)
                parts.append(f"{measured} contracts in {run.region} on {run.date}")
        return f"Measured on AWS: {'; '.join(parts)}."

    def counts(self, number: int, evidence: str | None = None) -> Mapping[str, int]:
        """How many contracts of a run, or those of one evidence, are in each state."""
        return Counter(row.cells[number].state for row in self.rows if evidence in (None, row.evidence))

    def evidence(self) -> Sequence[str]:
        """The kinds of evidence, strongest first, and whatever else results have."""
        return list(dict.fromkeys([*EVIDENCE, *(row.evidence for row in self.rows)]))

    def skipped(self) -> Mapping[str, int]:
        """Why contracts were skipped, and how many cells each reason has."""
        return Counter(cell.said for row in self.rows for cell in row.cells if cell.state == "skipped")

    def differing(self) -> Sequence[tuple[Row, int]]:
        """The contracts and runs that differ from a recording, those whose differences are accepted last."""
        found = [(row, n) for row in self.rows for n, cell in enumerate(row.cells) if cell.differences]
        return sorted(found, key=lambda each: each[0].cells[each[1]].state != "differs")

    def broken(self) -> Sequence[tuple[Row, int]]:
        """The contracts and runs that failed by themselves."""
        return [(row, n) for row in self.rows for n, cell in enumerate(row.cells) if cell.state == "failed"]


def _cell(contract: Promise | None) -> Cell:
    if contract is None:
        return Cell("absent", "", ())
    return Cell(_STATE_OF[contract.outcome], contract.said, contract.differences)


def write(runs: Sequence[Run], recordings: Path, folder: Path) -> list[Path]:
    """Write the report to a folder; the files. Raises `ValueError` for a file that is no recording."""
    page = Page(runs, recordings)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("parity.md", "parity.html"):
        environment = Environment(
            loader=PackageLoader("agentcore_contracts.parity"),
            autoescape=name.endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters |= {"cell": _markdown, "fenced": _fenced}
        file = folder / name
        text = environment.get_template(f"{name}.jinja").render(page=page, states=_STATES)
        # Half of a surrogate pair, which JSON can carry, is no text that a file can.
        file.write_bytes(text.encode("utf-8", "backslashreplace"))
        written.append(file)
    file = folder / "parity.xml"
    ET.ElementTree(_junit(page)).write(file, "utf-8", xml_declaration=True)
    return [*written, file]


def _markdown(text: str) -> str:
    """Text for a paragraph or a table's cell, with nothing in it that Markdown or HTML would take for its own."""
    flat = " ".join(text.split())
    escaped = re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", flat)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fenced(text: str) -> str:
    """Text as a block of code, which no backticks in it end."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _junit(page: Page) -> ET.Element:
    root = ET.Element("testsuites", name="AgentCore parity")
    for number, run in enumerate(page.runs):
        counts = page.counts(number)
        suite = _element(
            root,
            "testsuite",
            {
                "name": f"{run.target}, SDK {run.sdk or 'unknown'}",
                "tests": str(len(run.contracts)),
                "failures": str(counts["failed"] + counts["differs"]),
                "errors": "0",
                "skipped": str(counts["skipped"]),
                "time": f"{sum(contract.seconds for contract in run.contracts):.3f}",
            },
        )
        for contract in run.contracts:
            name, time = f"{contract.id} {contract.title}", f"{contract.seconds:.3f}"
            case = _element(suite, "testcase", {"classname": contract.evidence, "name": name, "time": time})
            if contract.outcome != "passed":
                problem = "skipped" if contract.outcome == "skipped" else "failure"
                message = contract.said.partition("\n")[0]
                _element(case, problem, {"message": message}).text = _NOT_XML.sub("�", contract.said)
    return root


def _element(parent: ET.Element, tag: str, attributes: Mapping[str, str]) -> ET.Element:
    return ET.SubElement(parent, tag, {key: _NOT_XML.sub("�", value) for key, value in attributes.items()})
