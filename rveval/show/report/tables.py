"""Summary -> tables of texts, the most important first; `formats` writes them."""

from __future__ import annotations

from rveval.findings.typed import Summary, TaskRow, VariantRow
from rveval.show.report.notes import MARKER, beyond_noise, footnote, remarks, turn
from rveval.show.report.tables_ablations import interference, nulls, refused, sweeps
from rveval.show.report.texts import CALLS, Shown, controls, p_text, points, ranged, short
from rveval.show.report.texts import labels as _labels
from rveval.show.report.texts import titles as _titles


def shown(found: Summary) -> list[Shown]:
    """All tables that hold something, the most important first."""
    every = [
        _main(found),
        refused(found),
        nulls(found),
        _comparisons(found),
        interference(found),
        sweeps(found),
        _survival(found),
        _robust(found),
        _pooled(found),
        _gains(found),
        _curves(found),
        _factorial(found),
        _noise(found),
        _claims(found),
        _problems(found),
    ]
    return [table for table in every if table.rows]


def _columns(found: Summary) -> list[TaskRow]:
    clean = [task for task in found["tasks"] if task["shown"] and task["family"] == "clean"]
    return clean or [task for task in found["tasks"] if task["shown"]]


def _main(found: Summary) -> Shown:
    columns = _columns(found)
    apart = controls(found)
    lines = [row for row in found["variants"] if row["id"] not in apart]
    rows = [[row["label"], *(_main_cell(found, row, task) for task in columns)] for row in lines]
    headings = ["variant", *(f"{task['title']} (n={task['n']})" for task in columns)]
    note = "Accuracy in %, and in brackets the difference to the baseline in points with its interval; bold where it "
    note += f"counts after Holm's correction{beyond_noise(found, {task['task'] for task in columns})}."
    note += f" {len(apart)} null controls are not listed here: see below what they give." if apart else ""
    return Shown("Benchmarks", headings, rows, note)


def _main_cell(found: Summary, row: VariantRow, task: TaskRow) -> str:
    cells = [c for c in found["cells"] if (c["variant"], c["task"]) == (row["id"], task["task"])]
    if not cells:
        return ""
    text = points(sum(cell["accuracy"]["value"] for cell in cells) / len(cells), False)
    for one in found["comparisons"]:
        if (one["variant"], one["task"]) == (row["id"], task["task"]):
            edge = f", {one['at_edge']}" if one["at_edge"] else ""
            bold = CALLS[one["call"]]
            return f"{text} ({bold}{ranged(one['difference'])}{bold}{edge})"
    return text


def _comparisons(found: Summary) -> Shown:
    labels, titles, remarked = _labels(found), _titles(found), remarks(found)
    tasks = short(found)
    headings = ["variant", "task", "n", "difference", "fixed", "broken", "p", "mid-p", "p (Holm)"]
    headings += ["detectable (uncorrected)", "noise", "call"]
    rows = [
        [
            labels[one["variant"]],
            titles[one["task"]] + MARKER * (one["task"] in remarked),
            str(one["difference"]["n"]),
            ranged(one["difference"]),
            str(one["fixed"]),
            str(one["broken"]),
            *map(p_text, (one["p"], one["p_mid"], one["p_holm"])),
            points(one["detectable"], False),
            "" if one["noise"] is None else points(one["noise"], False),
            one["at_edge"] or one["call"],
        ]
        for one in found["comparisons"]
        if one["task"] in tasks
    ]
    told = [f"{one['name']} ({one['n']})" for one in found["rules"]["hypotheses"]]
    note = f"Points. Corrected together: {'; '.join(told)}. Subtasks are in summary.json and in csv. "
    note += "Detectable: the smallest true difference that would mostly be found by one test alone; after Holm's "
    note += "correction it is larger."
    note += footnote(found, (one["task"] for one in found["comparisons"] if one["task"] in tasks))
    return Shown("Differences to the baseline", headings, rows, note)


def _survival(found: Summary) -> Shown:
    labels, titles, remarked, apart = _labels(found), _titles(found), remarks(found), controls(found)
    headings = ["variant", "benchmark", "family", "n", "gain clean", "gain under it", "change", "p (Holm)"]
    headings += ["share kept", "verdict", "why"]
    rows = [
        [
            labels[one["variant"]],
            titles[one["source"]],
            one["family"] + MARKER * (one["task"] in remarked),
            str(one["n"]),
            *(ranged(one[key]) for key in ("gain_clean", "gain_family", "did")),
            p_text(one["p_holm"]),
            ranged(one["kept"], False),
            one["verdict"],
            one["why"],
        ]
        for one in found["survival"]
        if one["variant"] not in apart
    ]
    note = "Points; the share kept in %. Survived: the gain under the family lies above 0, and at least "
    note += f"{100 * found['rules']['margin']:g}% of it is kept, each with its interval."
    note += footnote(found, (one["task"] for one in found["survival"]))
    return Shown("Did the gain survive?", headings, rows, note)


def _robust(found: Summary) -> Shown:
    labels, titles, remarked = _labels(found), _titles(found), remarks(found)
    apart = controls(found)
    known = [one for one in found["robustness"] if one["variant"] not in apart]
    # The columns over all families are marked with the benchmark wherever one of its families is.
    marks = [any(drop["task"] in remarked for drop in one["families"]) for one in known]
    headings = ["variant", "benchmark", "clean", "worst family", "right under all", "wrong under all", "consistent"]
    rows = [
        [
            labels[one["variant"]],
            titles[one["source"]] + MARKER * marked,
            ranged(one["clean"], False),
            f"{one['worst']}: {ranged(one['worst_accuracy'], False)}",
            ranged(one["right_under_all"], False),
            ranged(one["wrong_under_all"], False),
            ranged(one["consistency"], False),
        ]
        for one, marked in zip(known, marks, strict=True)
    ]
    note = "In %." + footnote(found, (drop["task"] for one in found["robustness"] for drop in one["families"]))
    return Shown("Robustness", headings, rows, note)


def _pooled(found: Summary) -> Shown:
    labels = _labels(found)
    headings = ["variant", "family", "benchmarks", "weights", "difference", "p", "p (Holm)"]
    rows = [
        [
            labels[one["variant"]],
            one["family"],
            str(len(one["tasks"])),
            f"by {one['weights']}",
            ranged(one["difference"]),
            p_text(one["p"]),
            p_text(one["p_holm"]),
        ]
        for one in found["pooled"]
    ]
    return Shown("Pooled over benchmarks", headings, rows, "Points.")


def _gains(found: Summary) -> Shown:
    labels, titles, apart = _labels(found), _titles(found), controls(found)
    names = [share["name"] for share in found["gains"][0]["classes"]] if found["gains"] else []
    tasks = short(found)
    rows = [
        [
            labels[one["variant"]],
            titles[one["task"]] + (f", draw {one['draw']}" if one["draw"] else ""),
            points(one["difference"]),
            *(f"{points(share['difference'])} (+{share['fixed']} -{share['broken']})" for share in one["classes"]),
        ]
        for one in found["gains"]
        if one["task"] in tasks and one["variant"] not in apart
    ]
    note = "Points, and items fixed and broken. Each item is in one class; they add up to the whole."
    return Shown("Where a difference comes from", ["variant", "task", "whole", *names], rows, note)


def _curves(found: Summary) -> Shown:
    titles = _titles(found)
    rows = []
    apart = controls(found)
    for one in found["curves"]:
        if any(point["variant"] in apart for point in one["points"]):
            continue
        dots = ", ".join(f"{point['alpha']:g}: {points(point['accuracy']['value'], False)}" for point in one["points"])
        trend, best = one["trend"], one["best"]
        rows.append(
            [
                one["vector"],
                titles[one["task"]],
                dots,
                f"{ranged(trend['slope'])}, p={p_text(trend['p'])}{turn(one)}" if trend else "",
                f"{best['alpha']:g}: {ranged(best['held_out'])}" if best else "",
            ]
        )
    note = "Accuracy in % by alpha. The best alpha was chosen on one half of the items; its difference is the other's."
    return Shown("Dose and response", ["vector", "task", "curve", "trend for each 1", "best alpha"], rows, note)


def _factorial(found: Summary) -> Shown:
    titles = _titles(found)
    names = ["base", "base+cue", "v", "v+cue", "-v", "-v+cue"]
    rows = [
        [
            f"{one['vector']}, alpha={one['alpha']:g}",
            titles[one["source"]],
            one["cue"],
            *(points(one["cells"][name]["value"], False) if name in one["cells"] else "" for name in names),
            f"{ranged(one['plus']['interaction']['difference'])}, p={p_text(one['plus']['interaction']['p'])}",
        ]
        for one in found["factorial"]
    ]
    return Shown("Prompt by vector", ["vector", "benchmark", "cue", *names, "interaction"], rows, "In %, and points.")


def _noise(found: Summary) -> Shown:
    labels, titles = _labels(found), _titles(found)
    rows = [
        [
            labels[one["variant"]],
            titles[one["task"]],
            str(one["n"]),
            ranged(one["difference"]),
            ranged(one["scores_differ"], False),
            ranged(one["responses_differ"], False),
        ]
        for one in found["noise"]
    ]
    headings = ["variant", "task", "n", "difference", "verdicts that differ, %", "answers that differ, %"]
    return Shown("Noise: run again with its requests in another order", headings, rows)


def _claims(found: Summary) -> Shown:
    labels = _labels(found)
    rows = [
        [
            one["text"],
            one["source"],
            points(one["claimed"]),
            labels.get(one["variant"] or "", ""),
            ranged(one["found"]),
            one["verdict"],
            one["why"],
        ]
        for one in found["claims"]
        if one["found"]
    ]
    headings = ["claim", "source", "claimed", "variant", "found", "verdict", "why"]
    left = sum(one["found"] is None for one in found["claims"])
    return Shown("Published claims", headings, rows, f"Points. {left} more could not be tested with these cells.")


def _problems(found: Summary) -> Shown:
    rows = [[one["kind"], one["where"], one["what"], one["fix"]] for one in found["problems"]]
    return Shown("Missing or left out", ["kind", "where", "what", "what to do"], rows)
