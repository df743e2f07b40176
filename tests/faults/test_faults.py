"""What the command of the faults compares, and where it says a run was."""

from tests.faults.__main__ import fingerprint, stage


def test_any_other_byte_or_name_is_seen(tmp_path):
    (tmp_path / "cache/model").mkdir(parents=True)
    (tmp_path / "prediction.txt").write_text("img_name,y_pred\n")
    seen = {fingerprint(tmp_path)}
    (tmp_path / "cache/model/a").write_bytes(b"1")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "cache/model/a").write_bytes(b"2")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "cache/model/a").rename(tmp_path / "cache/model/b")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "prediction.txt").write_text("img_name,y_pred\na,1\n")
    seen.add(fingerprint(tmp_path))
    assert len(seen) == 5
    (tmp_path / "cache/other").write_bytes(b"1")
    assert fingerprint(tmp_path) in seen


def test_the_stage_is_the_last_that_was_begun(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    log = tmp_path / ".dvc/tmp/repro.log"
    log.write_text("")
    assert stage(tmp_path) == "before the first"
    log.write_text("Running stage 'manifest':\nx\nRunning stage 'embed@small':\n")
    assert stage(tmp_path) == "embed@small"
