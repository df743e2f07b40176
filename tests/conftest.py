"""The small run, made once for every test that reads it, and copied for those that change it."""

import shutil

import pytest


@pytest.fixture(scope="session", autouse=True)
def _bundles_are_remembered_elsewhere(tmp_path_factory):
    """Which bundles were trained or have passed is noted for the tests alone, not in a person's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKETRACE_CACHE", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Folder of a finished run on 60 demo faces. Read-only: copy it to change it."""
    # Imported here, because it loads torch, which most tests do without.
    from pipeline.demo.dataset import make_dataset
    from tests.pipeline.small_run import run_stages, tiny_weights, write_params

    folder = tmp_path_factory.mktemp("run")
    make_dataset(folder / "demo", images=60, seed=0, workers=2)
    tiny_weights(folder / "weights")
    write_params(folder)
    run_stages(folder)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run that a test may damage. Image files keep their times."""
    shutil.copytree(finished, tmp_path / "run", copy_function=shutil.copy2)
    return tmp_path / "run"
