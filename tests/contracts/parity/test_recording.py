from __future__ import annotations

from pathlib import Path

import pytest

from agentcore_contracts.parity.recording import Case, Head, Recording, file_of, found, read, write

HEAD = Head("emulator", "us-east-1", "2026-11-24", {"botocore": "1.44.5"})
ODD = "half a pair \ud800, a zero \0, \N{GRINNING FACE}"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    recording = Recording("RT-001", HEAD, {"a case": Case("passed", {"exchanges": [{"body": ODD}, {"body": 10**400}]})})
    file = write(tmp_path, recording)
    assert file == tmp_path / "emulator" / "2026-11-24" / "RT-001.json"
    assert read(file) == recording
    assert list(found(tmp_path)) == [recording]


@pytest.mark.parametrize("contract", ["../../../etc/passwd", "/etc/passwd", "..", "", "a\0b"])
def test_no_id_leads_out_of_the_folder(tmp_path: Path, contract: str) -> None:
    assert file_of(tmp_path, contract).parent == tmp_path
    assert write(tmp_path, Recording(contract, HEAD, {})).parent == tmp_path / "emulator" / "2026-11-24"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"contract": "A", "head": {}, "cases": {}}', '{"cases": {"a": 1}}'])
def test_what_is_no_recording(tmp_path: Path, text: str) -> None:
    file = tmp_path / "A.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"A\.json is no recording of a contract; record it again"):
        read(file)
