"""Write the site: the page from its template, styles and scripts as they are, Bokeh's own scripts, data.

Data are scripts too: a page opened from the disk can't fetch a file, but it can add a script.
"""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rveval.findings import Report
from rveval.show.page import figures, panels, view
from rveval.show.tables import tables
from rveval.show.wording import SIGNS

BOKEH = ("server/static/js/bokeh.min.js", "LICENSE.txt")
SCRIPTS = (
    *("base.js", "tables.js", "pictures.js"),
    *("text.js", "pieces.js", "filters.js", "list.js", "sides.js", "items.js", "page.js"),
)
STYLES = ("page.css", "items.css")
EARLY = "theme.js"  # before anything is painted

# The three that mean something in HTML. Everything outside ASCII is escaped by json: so are U+2028 and U+2029.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def write(report: Report, folder: Path) -> None:
    """Write a report's site into a folder, whose `items/` already holds the item files; what else is there stays.

    The page is `index.html`. It needs `assets/`, `data/` and `items/` beside it, and nothing else.
    """
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)  # a choice that is gone must not stay behind
    data.mkdir(parents=True)
    _write_data(data, "figures", {"colours": figures.COLOURS, "figures": figures.figures()})
    for picture in (finding.picture for finding in report.findings if finding.picture):
        for place, choice in enumerate(picture.choices):
            _write_data(data, f"{picture.key}-{place}", panels.drawn(choice))
    for table in tables(report, detail=True):
        _write_data(data, f"table-{table.key}", view.table_data(table))
    _write_data(data, "items", _items_index(report))
    _write_data(data, "made", view.details(report))
    _copy_assets(folder / "assets")
    (folder / "index.html").write_text(_rendered(report), encoding="utf-8")


def piece(key: str, value: Any) -> str:
    """One call, `rveval_data(KEY, VALUE)`, in ASCII, that means the same wherever it stands."""
    texts = (json.dumps(part, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPES) for part in (key, value))
    return f"rveval_data({','.join(texts)});\n"


def _write_data(folder: Path, key: str, value: Any) -> None:
    (folder / f"{key}.js").write_text(piece(key, value), encoding="ascii")


def _items_index(report: Report) -> dict[str, Any]:
    """What the view of the items has to know before it loads any: sets, and the names of variants and tasks."""
    of_variant = ("id", "label", "alpha", "baseline", "is_baseline")
    of_task = ("task", "title", "source", "benchmark", "family")
    return {
        "sets": list(report.items),
        "variants": [{key: row[key] for key in of_variant} for row in report.variants],  # type: ignore[literal-required]
        "tasks": [{key: row[key] for key in of_task} for row in report.tasks],  # type: ignore[literal-required]
    }


def _rendered(report: Report) -> str:
    """The page. A name that is missing is an error, and everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rveval.show.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=view.visible,
    )
    environment.filters.update(view.FILTERS)
    environment.tests["score"] = view.is_score
    context = {
        "report": report,
        "sections": view.sections(report),
        "made": view.made(report),
        "signs": SIGNS,
        "tones": view.TONES,
        "glyphs": view.GLYPHS,
        "styles": STYLES,
        "scripts": SCRIPTS,
        "early": EARLY,
    }
    return environment.get_template("page.html.j2").render(context)


def _copy_assets(target: Path) -> None:
    target.mkdir(exist_ok=True)
    ours = files("rveval.show.page") / "assets"
    for name in (*STYLES, EARLY, *SCRIPTS):
        (target / name).write_bytes((ours / name).read_bytes())
    for name in BOKEH:
        source = _bokeh_folder() / name
        shutil.copyfile(source, target / ("bokeh-LICENSE.txt" if name == "LICENSE.txt" else source.name))


def _bokeh_folder() -> Path:
    spec = find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package bokeh is not installed: pip install bokeh", name="bokeh")
    return Path(spec.origin).parent
