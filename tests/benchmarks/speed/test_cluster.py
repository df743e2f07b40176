"""Files of other bytes are counted."""

from benchmarks.speed.cluster import contents, same


def test_other_bytes_are_counted(tmp_path):
    for name, text in (("one", "same"), ("two", "same")):
        (tmp_path / name / "cache/faces").mkdir(parents=True)
        (tmp_path / name / "cache/faces/a").write_text(text)
    one, two = (contents(tmp_path / name) for name in ("one", "two"))
    assert same(one, two).startswith("1 of 1 files")
    (tmp_path / "two/cache/faces/a").write_text("other")
    assert same(contents(tmp_path / "two"), one).startswith("0 of 1 files")
