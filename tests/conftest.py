"""The small run, made once for every test that reads it, and copied for those that change it."""

import atexit
import faulthandler
import fcntl
import gc
import os
import shutil

import pytest

# As in the Makefile, and before torch is loaded: threads that wait spinning take the time of the other test process.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What collection makes, modules above all, stays to the end: nothing looks through it for garbage again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # as every program ends: some libraries report objects that are left
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Tests that read the small run are one process's work, and its first; those that change a copy are anybody's, and last.

    So the run is made while another process does something else, and nobody waits for it. What a module makes for
    its tests is made once too: those that ask for it stay together.
    """
    for item in items:
        if _place(item) == 0:
            item.add_marker(pytest.mark.xdist_group("small run"))
        elif _shares(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    items.sort(key=_place)


def _shares(item):
    """Whether a test asks for a fixture that is made once for its module."""
    found = item._fixtureinfo.name2fixturedefs.values()
    return any(definition.scope == "module" for definitions in found for definition in definitions)


def _place(item):
    if "copied" in item.fixturenames:
        return 2
    return 0 if "small_run" in item.fixturenames else 1


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all processes of this test run have."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _bundles_are_remembered_elsewhere(shared):
    """Which bundles were trained or have passed is noted for the tests alone, not in a person's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKETRACE_CACHE", str(shared / "home"))
        yield


@pytest.fixture(scope="session")
def small_run(shared):
    """Folder of a finished run on 60 demo faces, made by the first process that asks."""
    faulthandler.cancel_dump_traceback_later()  # no hang: on a busy machine it takes minutes, or waits for who makes it
    folder = shared / "run"
    with (shared / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            # Imported here, because it loads torch, which most tests do without.
            from tests.pipeline.small_run import run_stages, tiny_weights, write_params
            from tests.small_faces import small_faces

            part = shared / "run.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            small_faces(part / "demo", images=60)
            tiny_weights(part / "weights")
            write_params(part)
            run_stages(part)
            part.rename(folder)
    return folder


@pytest.fixture(scope="session")
def finished(small_run):
    """Folder of a finished run on 60 demo faces. Read-only: copy it to change it."""
    return small_run


@pytest.fixture
def copied(small_run, tmp_path):
    """A copy of the finished run that a test may damage. Image files keep their times."""
    shutil.copytree(small_run, tmp_path / "run", copy_function=shutil.copy2)
    return tmp_path / "run"
