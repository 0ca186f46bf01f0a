"""The saved workspace: well formed by the library's own models, about what the mirror really logs, saved once."""

from __future__ import annotations

import base64
import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mirrors
import pytest
import wandb

from rveval.errors import Failed, Refused
from rveval.show.tracking import verb, workspace
from rveval.show.tracking.groups import groups
from rveval.show.tracking.rebuild import place_of
from rveval.store import Store

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic V1 style")  # the library's own
TABLES = ("verdict", "comparisons", "survival", "scores")
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "wandb_workspace.py"


@pytest.fixture(autouse=True)
def clean_client(tmp_path: Path) -> Iterator[None]:
    with mirrors.client_of_nobody(tmp_path):
        yield


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for alpha, right in {0.0: "1100", 0.5: "1110", 1.0: "0100"}.items():
        config = mirrors.asked(tmp_path / "runs", alpha, tracking={"entity": "team", "project": "mine"})
        mirrors.add(config, right)
        mirrors.add(config, right, "rv_sciq_typos", "typos")
        mirrors.add(config, right, "rv_sciq_typos", "typos", draw=1)
    return tmp_path / "runs"


def made(store: Path) -> Any:
    place = place_of(store, "first", "online", None, None)
    return workspace.workspace(place, "first", groups(Store(store), "first"), TABLES)


def panels(spec: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    return {section["name"]: section["panels"] for section in sections}


def test_every_panel_is_about_something_that_the_mirror_logs(store: Path) -> None:
    assert verb.main(["study=first", f"store={store}"]) == 0
    files = mirrors.run_files(store)
    logged = {name for file in files for name in file.summary}
    configs = {name for file in files for name in file.config}
    found = panels(workspace.specification(made(store)))
    named = set()
    for panel in [panel for of_section in found.values() for panel in of_section]:
        config = panel["config"]
        named |= set(config.get("metrics", []))
        named |= {config["yAxis"].removeprefix("summary:")} if "yAxis" in config else set()
        if "xAxis" in config:
            assert config["xAxis"].removeprefix("config:").removesuffix(".value") in configs
    assert named <= logged
    shown = json.dumps(found["What the study says"])
    assert all(f"study/{name}/path" in logged and f"study/{name}" in shown for name in TABLES)


def test_what_is_compared(store: Path) -> None:
    found = workspace.specification(made(store))
    assert (found["entity"], found["project"], found["name"]) == ("team", "mine", "rveval: first")
    kinds = {name: [panel["viewType"] for panel in of_section] for name, of_section in panels(found).items()}
    assert kinds["Accuracy over alpha"] == ["Scatter Plot"]
    assert kinds["Under each family"] == ["Bar Chart"]
    assert kinds["Configs"] == ["Run Comparer"]
    (bars,) = panels(found)["Under each family"]
    assert bars["config"]["metrics"] == ["rv_sciq/exact_match", "rv_sciq_typos/exact_match"]
    (runs,) = found["spec"]["section"]["runSets"]
    (condition,) = runs["filters"]["filters"]
    assert (condition["key"]["name"], condition["op"], condition["value"]) == ("group", "=", "first")
    assert [key["key"]["name"] for key in runs["sort"]["keys"]] == ["alpha"]
    base = groups(Store(store), "first")[0]
    expected = f"Run:v1:{base.run_id('first')}:mine:team"
    assert base64.b64decode(runs["baselineRunId"]).decode() == expected


def test_many_tasks_are_cut_and_it_is_said(store: Path) -> None:
    config = mirrors.asked(store, 0.0)
    for number in range(workspace.PANELS):
        mirrors.add(config, "10", f"rv_{number:02}")
    names = [name for name in panels(workspace.specification(made(store))) if name.startswith("Accuracy")]
    assert names == [f"Accuracy over alpha (the first {workspace.PANELS} of {workspace.PANELS + 1})"]


@pytest.mark.parametrize("wrong", ["Barr Chart", 3])
def test_a_panel_that_the_library_does_not_know_is_found_out(
    store: Path, monkeypatch: pytest.MonkeyPatch, wrong: object
) -> None:
    from wandb_workspaces.workspaces import internal

    dump = internal.WorkspaceViewspec.model_dump_json

    def spoilt(spec: Any, **keys: Any) -> str:
        return dump(spec, **keys).replace('"Bar Chart"', json.dumps(wrong))

    monkeypatch.setattr(internal.WorkspaceViewspec, "model_dump_json", spoilt)
    with pytest.raises(Failed, match="read back"):
        workspace.specification(made(store))


def test_a_study_without_cells_has_nothing_to_compare(store: Path) -> None:
    with pytest.raises(Refused, match="no complete cell"):
        workspace.workspace(place_of(store, "first", "online", None, None), "first", [], [])


def script(*words: str) -> int:
    """Run the script as a person does, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(SCRIPT), *words])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
    return int(ended.value.code or 0)


def test_the_script_shows_what_it_would_save(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script("study=first", f"store={store}", "--dry-run") == 0
    said = json.loads(capsys.readouterr().out)
    again = workspace.specification(made(store))
    assert set(panels(said)) == set(panels(again))
    assert said["project"] == "mine"


def test_the_script_says_what_is_wrong(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script("study=frist", f"store={store}") == 2
    assert "did you mean first?" in capsys.readouterr().err
    assert script("study=first", f"store={store}") == 1
    assert "nobody is logged in" in capsys.readouterr().err
    assert script("--help") == 0
    assert "--dry-run" in capsys.readouterr().out


def test_without_the_library_it_says_what_to_install(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("wandb_workspaces.workspaces", "wandb_workspaces.reports.v2"):
        monkeypatch.setitem(sys.modules, name, None)
    assert script("study=first", f"store={store}", "--dry-run") == 2
    assert "rveval[workspace]" in capsys.readouterr().err


class Service:
    """Answers the library's two requests as their texts say; that the real service does the same is not shown here."""

    def __init__(self) -> None:
        self.saved: list[dict[str, Any]] = []

    def answer(self, api: Any, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "mutation" in query:
            self.saved.append(dict(variables))
            name = variables["name"]
            return {"upsertView": {"view": {"id": variables.get("id") or f"id-{name}", "name": name}}}
        names = {view["name"]: view for view in self.saved}
        view = names.get(variables["viewName"])
        node = view and {"id": f"id-{view['name']}", "displayName": view["displayName"], "spec": view["spec"]}
        return {"project": {"allViews": {"edges": [{"node": node}] if node else []}}}


def test_saving_again_goes_over_what_was_saved(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wandb_workspaces.workspaces import interface, internal

    service = Service()
    monkeypatch.setattr(wandb, "login", lambda **keys: True)
    monkeypatch.setattr(wandb, "Api", lambda: None)
    monkeypatch.setattr(internal, "execute_graphql", service.answer)
    monkeypatch.setattr(interface, "get_app_url", lambda api: "https://example.org")
    addresses = {workspace.save(made(store)) for _ in range(2)}
    (first, second) = service.saved
    assert "id" not in first
    assert second["id"] == f"id-{first['name']}"
    assert first["name"] == second["name"]
    assert (first["entityName"], first["projectName"], first["displayName"]) == ("team", "mine", "rveval: first")
    (address,) = addresses
    assert address.startswith("https://example.org/team/mine?nw=")
