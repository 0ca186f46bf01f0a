"""What all tests share: where the benchmarks lie, a cache of their own, no network, and when to skip.

Plain values (DATA, REPOSITORY, ...) are for imports and parametrisation, fixtures for what a test asks for by name.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent
CACHE = Path(tempfile.mkdtemp(prefix="rveval-test-cache-"))


def find_data() -> Path | None:
    """The folder of benchmarks as their authors publish them: RVEVAL_DATA, or shared/data beside the checkout."""
    named = os.environ.get("RVEVAL_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    return folder if folder.is_dir() else None


DATA = find_data()

# Set before anything is imported: huggingface_hub reads its switches at import, and the processes that tests start
# inherit them. Nothing a test remembers may come from, or stay in, the user's own cache.
os.environ["RVEVAL_CACHE"] = str(CACHE)
os.environ["HF_HUB_OFFLINE"] = "1"
if DATA is not None:
    os.environ["RVEVAL_DATA"] = str(DATA)

# Hypothesis lets an example fail that takes 0.2 s: nothing is measured by a test here, least of all on a busy machine.
settings.register_profile("rveval", deadline=None)
settings.load_profile("rveval")


def needs_data(*names: str) -> pytest.MarkDecorator:
    """Skip where a benchmark's folder is missing, saying how to get it: `@needs_data("gsm8k")`."""
    missing = [name for name in names if DATA is None or not (DATA / name).is_dir()]
    reason = f"no local data for {', '.join(missing)}: set RVEVAL_DATA to a folder that holds them"
    return pytest.mark.skipif(bool(missing), reason=reason)


def needs_command(name: str, package: str) -> pytest.MarkDecorator:
    """Skip where a system program is missing, naming the package: `@needs_command("bwrap", "bubblewrap")`."""
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed: apt-get install {package}")


def has_gpu() -> bool:
    """Whether an NVIDIA GPU is there, asked without importing torch."""
    if shutil.which("nvidia-smi") is None:
        return False
    answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=60)
    return answer.stdout.startswith("GPU")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked gpu are skipped where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not has_gpu():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU"))


UNFREEZE = gc.unfreeze


@pytest.fixture(scope="session", autouse=True)
def imported_modules_stay_frozen() -> Iterator[None]:
    """An engine that is closed collects garbage three times, through a million objects of modules: a second and more.

    rveval sets those aside before an engine starts (`gc.freeze`), vLLM takes them back when one is closed. Here they
    stay aside; what an engine is made of is younger, and collected as ever. A test of memory takes `UNFREEZE` back.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gc, "unfreeze", lambda: None)
        yield


def pytest_unconfigure() -> None:
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of local benchmarks; the test is skipped where there is none."""
    if DATA is None:
        pytest.skip("no local benchmarks: set RVEVAL_DATA to a folder that holds gsm8k, humaneval, sciq, bbh")
    return DATA
