"""Write the site: the page from its template, styles and scripts as they are, plotting from the installed Bokeh, data.

Nothing of Bokeh is imported, only its scripts are copied: the page draws, this package does not.
"""

from __future__ import annotations

import shutil
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rveval.findings.typed import Summary
from rveval.show.page import made, say
from rveval.show.page.names import Names
from rveval.show.page.overview import main_table
from rveval.show.page.panels import all_plots
from rveval.show.page.scripts import write_data
from rveval.show.page.tables import all_tables
from rveval.show.page.tables_ablations import alone, called

# Bokeh and its plotting interface, and the licence that has to go with them.
BOKEH = ("server/static/js/bokeh.min.js", "server/static/js/bokeh-api.min.js", "LICENSE.txt")
SCRIPTS = (
    *("base.js", "tables.js", "drawing.js", "plots.js"),
    *("text.js", "pieces.js", "filters.js", "list.js", "sides.js", "items.js", "page.js"),
)
STYLES = ("page.css", "items.css")
EARLY = "theme.js"  # before anything is painted


def write(summary: Summary, folder: Path) -> None:
    """Write a summary's site into a folder, whose `items/` already holds the item files; what else is there stays.

    The page is `index.html`. It needs `assets/`, `data/` and `items/` beside it, and nothing else.
    """
    plots, tables = all_plots(summary), all_tables(summary)
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)  # a choice that is gone must not stay behind
    data.mkdir(parents=True)
    for name, choices in plots.items():
        for place, choice in enumerate(choices):
            write_data(data, f"{name}-{place}", choice.panels)
    for table in tables.values():
        write_data(data, f"table-{table.key}", table.plain())
    write_data(data, "items", items_index(summary))
    write_data(data, "made", made.details(summary))
    _copy_assets(folder / "assets")
    names = Names.of(summary)
    context = {
        "summary": summary,
        "main": main_table(summary),
        "plots": plots,
        "tables": tables,
        "labels": names.variants,
        "titles": names.tasks,
        "alone": lambda row: alone(row, names),
        "called": called,
    }
    (folder / "index.html").write_text(render(context), encoding="utf-8")


def items_index(summary: Summary) -> dict[str, Any]:
    """What the view of the items has to know before it loads any: sets, and the names of variants and tasks."""
    return {
        "sets": summary["items"],
        "variants": [
            {key: value for key, value in row.items() if key in ("id", "label", "alpha", "baseline", "is_baseline")}
            for row in summary["variants"]
        ],
        "tasks": [
            {key: value for key, value in row.items() if key in ("task", "title", "source", "benchmark", "family")}
            for row in summary["tasks"]
        ],
    }


def render(context: dict[str, Any]) -> str:
    """The page. A name that is missing is an error, and everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rveval.show.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=say.visible,
    )
    for name in ("points", "percent", "points_span", "percent_span", "count", "p_value", "number", "moment", "level"):
        environment.filters[name] = getattr(say, name)
    environment.globals.update(made=made, styles=STYLES, scripts=SCRIPTS, early=EARLY)
    return environment.get_template("page.html.j2").render(context)


def _copy_assets(target: Path) -> None:
    target.mkdir(exist_ok=True)
    ours = files("rveval.show.page") / "assets"
    for name in (*STYLES, EARLY, *SCRIPTS):
        (target / name).write_bytes((ours / name).read_bytes())
    for name in BOKEH:
        source = bokeh_folder() / name
        shutil.copyfile(source, target / ("bokeh-LICENSE.txt" if name == "LICENSE.txt" else source.name))


def bokeh_folder() -> Path:
    """Where Bokeh is installed, found without importing it."""
    spec = find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package bokeh is not installed: pip install bokeh", name="bokeh")
    return Path(spec.origin).parent
