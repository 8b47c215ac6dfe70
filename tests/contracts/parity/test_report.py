from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agentcore_contracts.parity import recording
from agentcore_contracts.parity.recording import Head, Recording
from agentcore_contracts.parity.report import write
from agentcore_contracts.parity.results import Promise, Run, Shown

MakePromise = Callable[..., Promise]
MakeRun = Callable[..., Run]

HOSTILE = (
    "</td><script>alert(1)</script><img src=x onerror=alert(2)>\"' | `x` ```\n# h\n"
    "[a](javascript:alert(3)) ]]> \0 \ud800"
)


class Tags(HTMLParser):
    """The tags of a page and whatever might lead elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def report(folder: Path, *runs: Run) -> tuple[str, str, ET.Element]:
    files = write(runs, folder / "recordings", folder / "out")
    assert [file.name for file in files] == ["parity.md", "parity.html", "parity.xml"]
    markdown, html, _ = (file.read_text("utf-8") for file in files)
    return markdown, html, ET.parse(files[2]).getroot()


def test_the_first_line_of_runs_on_an_emulator(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    markdown, html, _ = report(tmp_path, make_run(promise("A-1")))
    assert markdown.splitlines()[0] == "**Nothing of this was measured on AWS.**"
    assert '<p class="lead">Nothing of this was measured on AWS.</p>' in html


def test_aws_that_could_not_be_called(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    skipped = promise("A-1", outcome="skipped", said="nothing was measured: there are no credentials")
    run = make_run(skipped, role="aws", target="AWS", region="", measured=False, why_not="there are no credentials")
    markdown, html, _ = report(tmp_path, run)
    assert markdown.startswith("**Nothing of this was measured on AWS.**\n")
    assert "AWS: nothing was measured: there are no credentials." in markdown
    assert "Nothing was measured: there are no credentials." in html


def test_the_first_line_of_a_run_on_aws(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    run = make_run(promise("A-1"), promise("A-2", outcome="skipped"), role="aws", target="AWS", region="eu-west-1")
    markdown, _, _ = report(tmp_path, run, make_run(promise("A-1")))
    assert markdown.startswith("**Measured on AWS: 1 contracts in eu-west-1 on 2026-11-24.**\n")


def test_evidence_is_counted_apart_for_each_run(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    first = make_run(promise("A-1"), promise("A-2", evidence="sdk-source", outcome="failed", said="no"))
    markdown, _, _ = report(tmp_path, first, make_run(promise("A-1"), promise("A-3", outcome="skipped")))
    assert "| sdk-source | 0 | 0 | 1 | 0 | 0 | 0 | 0 | 0 |\n" in markdown
    assert "| aws-docs | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 1 |\n" in markdown
    assert "| A-2 | It works | sdk-source | – | failed | not run |\n" in markdown


def test_differences_stand_side_by_side(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    differs = [
        Shown("case", "exchanges/0/status", "200", "429"),
        Shown("", "exchanges/1/body", None, '"x"', "AWS says so", "2027-01-31"),
    ]
    about = {"outcome": "differs", "said": "2 differences", "recorded": True, "differences": differs}
    run = make_run(promise("A-1", **about), replayed="aws/2026-11-01", unused=["parity.toml: B-1, **"])
    markdown, html, root = report(tmp_path, run)
    assert "| 1 | an emulator | 1.25.0 | 2026-11-24 | 0 | 1 | 0 | 0 | aws/2026-11-01 |\n" in markdown
    assert "recorded (aws/2026-11-01):\n\n```text\n200\n```\n\nanswered:\n\n```text\n429\n```\n" in markdown
    assert "accepted until 2027-01-31: AWS says so" in markdown
    assert "<code>[case] exchanges/0/status</code>" in html
    assert html.index("<pre>200</pre>") < html.index("<pre>429</pre>") < html.index("<pre>(nothing)</pre>")
    assert "parity.toml: B-1, ** matches no difference any more" in html
    # What a state in the table leads to is there.
    for target in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{target}"' in html
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == "2 differences"


def test_what_an_accepted_difference_is_unused_in(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    runs = [make_run(promise("A-1")), make_run(promise("A-1"), unused=["parity.toml: B-1, a", "parity.toml: B-1, b"])]
    markdown, _, _ = report(tmp_path, *runs)
    assert [line for line in markdown.splitlines() if "matches no difference" in line] == [
        "Run 2: parity.toml: B-1, a matches no difference any more.",
        "Run 2: parity.toml: B-1, b matches no difference any more.",
    ]


def test_runs_without_differences(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    markdown, _, _ = report(tmp_path, make_run(promise("A-1")))
    assert "No run was compared with a recording." in markdown
    markdown, _, _ = report(tmp_path, make_run(promise("A-1", recorded=True), replayed="aws/2026-11-01"))
    assert "No run differs from its recording." in markdown


def test_recordings_are_named(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    for target in ("aws", "emulator"):
        recording.write(tmp_path / "recordings", Recording("A-1", Head(target, "us-east-1", "2026-11-01", {}), {}))
    markdown, _, _ = report(tmp_path, make_run(promise("A-1"), promise("A-2")))
    assert "| A-1 | It works | aws-docs | aws 2026-11-01, emulator 2026-11-01 | kept |\n" in markdown
    assert "| A-2 | It works | aws-docs | – | kept |\n" in markdown


def test_no_runs(tmp_path: Path) -> None:
    markdown, _, root = report(tmp_path)
    assert markdown.startswith("**Nothing of this was measured on AWS.**\n")
    assert list(root) == []


@pytest.fixture
def hostile(promise: MakePromise, make_run: MakeRun) -> Run:
    """Each text that somebody else may have written is hostile."""
    shown = Shown(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    about = {"title": HOSTILE, "evidence": HOSTILE, "source": HOSTILE, "said": HOSTILE, "differences": [shown] * 7}
    contracts = [promise(f"{HOSTILE}{state}", outcome=state, **about) for state in ("passed", "failed", "differs")]
    contracts.append(promise("skipped", **{**about, "outcome": "skipped", "differences": []}))
    return make_run(
        *contracts,
        target=HOSTILE,
        region=HOSTILE,
        date=HOSTILE,
        why_not=HOSTILE,
        versions={HOSTILE: HOSTILE, "agent's bedrock-agentcore": HOSTILE},
        replayed=HOSTILE,
        unused=[HOSTILE],
    )


def test_a_page_that_runs_and_loads_nothing(tmp_path: Path, hostile: Run) -> None:
    _, html, _ = report(tmp_path, hostile)
    page = Tags(html)
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "svg"}
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "srcset", "srcdoc", "action"})
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert "default-src 'none'" in html
    assert "url(" not in html
    assert "@import" not in html


def test_markdown_that_stays_text(tmp_path: Path, hostile: Run) -> None:
    markdown, _, _ = report(tmp_path, hostile)
    outside, fence = [], ""
    for line in markdown.splitlines():
        opened = re.fullmatch(r"(`{3,})(text)?", line)
        if fence:
            fence = "" if line == fence else fence
        elif opened:
            fence = opened[1]
        else:
            outside.append(line)
    assert fence == ""
    text = "\n".join(outside)
    assert "<" not in text
    assert not re.search(r"(?<!\\)\[a", text)
    rows = [line for line in outside if line.startswith("| ") and "skipped" in line and "alert" in line]
    assert rows
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_xml_that_others_can_read(tmp_path: Path, hostile: Run) -> None:
    _, _, root = report(tmp_path, hostile)
    (suite,) = root
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("4", "2", "1")
    assert [each.tag for case in suite for each in case] == ["failure", "failure", "skipped"]
