"""Results as people read them: one self-contained HTML page, and a Markdown table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from importlib import resources
from string import Template

from . import plots
from .compare import Change, Comparison
from .criteria import Row, Verdict, describe
from .quantities import quantity
from .results import Benchmark, Results
from .statistics import quantile_interval

_MARKS = {Verdict.PROMOTE: "✓", Verdict.HOLD: "○", Verdict.REJECT: "✗"}
_WORDS = {
    Verdict.PROMOTE: "Every criterion is met.",
    Verdict.HOLD: "The numbers do not tell about every criterion.",
    Verdict.REJECT: "A criterion is not met.",
}
_COLOURS = 6


def merged(results: Sequence[Results]) -> Results:
    """Several files of one run as one; of what occurs twice the newest stays.

    Raises:
        ValueError: for no results.
    """
    if not results:
        raise ValueError("there are no results")
    ordered = sorted(results, key=lambda one: one.at.timestamp())
    newest = ordered[-1]
    return replace(
        newest,
        rows=tuple({row.name: row for one in ordered for row in one.rows}.values()),
        benchmarks=tuple({b.key: b for one in ordered for b in one.benchmarks}.values()),
        series=tuple({s.title: s for one in ordered for s in one.series}.values()),
        versions={name: v for one in ordered for name, v in one.versions.items()},
    )


def markdown(results: Results) -> str:
    """The verdict, the table of criteria and the benchmarks, as GitHub renders them."""
    lines = [f"**{results.verdict}**: {_WORDS[results.verdict]}", ""]
    lines += [_facts(results), ""]
    if results.rows:
        head = ("", "criterion", "asked", "found", "medians", "n", "why", "repeat")
        lines += _table(head, [_cells(row) for row in results.rows])
    if results.benchmarks:
        lines += ["", *_table(("benchmark", *_FIGURES), _figures(results.benchmarks))]
    return "\n".join(lines) + "\n"


def comparison(found: Comparison) -> str:
    """What has changed between two runs, as a Markdown table."""
    lines = []
    if not found.same_machine:
        lines += ["The runs are from different machines: absolute values are not compared.", ""]
    cells = [
        (
            "✗" if row.is_regression else "",
            row.name,
            str(row.change) + ("" if row.gating else ", not gating"),
            _found(row.before) if row.before else "",
            _found(row.after) if row.after else "",
            f"×{row.ratio.estimate:.3f}" if row.ratio else "",
            row.reason,
        )
        for row in found.rows
    ]
    lines += _table(("", "criterion", "change", "before", "after", "after/before", "why"), cells)
    count = len(found.regressions)
    clear = sum(row.change is not Change.UNCLEAR for row in found.rows)
    lines += [
        "",
        f"Regressions: {count}. Changes that could be told: {clear} of {len(found.rows)}.",
    ]
    if found.times:
        times = [
            (time.key, quantity(time.before, time.unit), quantity(time.after, time.unit))
            for time in found.times
        ]
        lines += ["", "Medians, for a look: different runs are not measured side by side.", ""]
        lines += _table(("benchmark", "before", "after"), times)
    return "\n".join(lines) + "\n"


def html(results: Results, *, title: str = "A/B report") -> str:
    """One page with tables and plots that needs nothing else."""
    colours = _colours(results)
    groups: dict[tuple[str, str], list[Benchmark]] = {}
    for one in results.benchmarks:
        groups.setdefault((one.group, one.unit), []).append(one)
    ratio_rows = [row for row in results.rows if row.criterion.is_ratio]
    faster = [row for row in ratio_rows if row.criterion.of_performance]
    cheaper = [row for row in ratio_rows if not row.criterion.of_performance]
    sections = [
        _section("Criteria", [_html_rows(results.rows)] if results.rows else []),
        _section(
            "Ratios",
            [
                *_figure("Performance as a share of the baseline's, higher is better", faster),
                *_figure("Cost as a share of the baseline's, lower is better", cheaper),
            ],
        ),
        _section(
            "Over concurrency",
            [
                f"<figure><figcaption>{escape(one.title)}"
                f"{_legend([line.name for line in one.lines], colours)}</figcaption>"
                f"{plots.series(one, colours)}</figure>"
                for one in results.series
                if any(line.points for line in one.lines)
            ],
        ),
        _section(
            "Distributions",
            [
                f"<figure><figcaption>{escape(group)}"
                f"{_legend([one.name for one in members], colours, members)}</figcaption>"
                f"{plots.distribution(members, colours)}</figure>"
                for (group, _), members in groups.items()
            ],
        ),
        _section("Measurements", [_html_figures(results.benchmarks)] if results.benchmarks else []),
        _section("Machine and versions", [_html_facts(results)]),
    ]
    page = Template(resources.files(__package__).joinpath("report.html").read_text("utf-8"))
    return page.substitute(
        title=escape(title),
        verdict=results.verdict,
        mark=_MARKS[results.verdict],
        words=_WORDS[results.verdict],
        facts=escape(_facts(results)),
        sections="\n".join(filter(None, sections)),
    )


def _facts(results: Results) -> str:
    """When, which commit, on what."""
    commit = str(results.commit.get("id") or "")[:10]
    dirty = " with changes" if results.commit.get("dirty") else ""
    machine = results.machine
    parts = [
        f"{results.at:%Y-%m-%d %H:%M %Z}".strip(),
        f"commit {commit}{dirty}" if commit else "",
        f"Python {machine['python_version']}" if machine.get("python_version") else "",
        f"{machine['cpu_count']} cores" if machine.get("cpu_count") else "",
        str(machine.get("system") or ""),
    ]
    load = machine.get("load")
    if isinstance(load, Sequence) and load:
        parts.append(f"load {load[0]:.1f}")
    return " · ".join(filter(None, parts))


def _found(row: Row) -> str:
    """The estimate and its interval."""
    if math.isnan(row.estimate):
        return "not measured"
    if row.criterion.is_ratio:
        return f"{row.estimate:.3f} [{row.low:.3f}, {row.high:.3f}]"
    low, high = quantity(row.low, row.unit), quantity(row.high, row.unit)
    shown = quantity(row.estimate, row.unit)
    return shown if low == high else f"{shown} [{low}, {high}]"


def _medians(row: Row) -> str:
    known = [value for value in (row.baseline, row.contender) if value is not None]
    return " → ".join(quantity(value, row.unit) for value in known)


def _why(row: Row) -> str:
    return row.reason + (f" ({row.note})" if row.note else "")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{_MARKS[row.verdict]} {row.verdict}" + ("" if row.gating else ", not gating"),
        row.name,
        describe(row.criterion),
        _found(row),
        _medians(row),
        str(row.n),
        _why(row),
        f"`{row.repeat}`" if row.repeat else "",
    )


_FIGURES = ("n", "min", "median", "p95", "p99", "max")


def _figures(benchmarks: Iterable[Benchmark]) -> list[tuple[str, ...]]:
    rows = []
    for one in benchmarks:
        shares = [quantile_interval(one.data, share).estimate for share in (0.5, 0.95, 0.99)]
        values = [min(one.data), *shares, max(one.data)]
        shown = [quantity(value, one.unit) for value in values]
        rows.append((one.key, str(len(one.data)), *shown))
    return rows


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _colours(results: Results) -> Mapping[str, int]:
    """One colour for each side, the same on the whole page."""
    names = [one.name for one in results.benchmarks]
    names += [line.name for one in results.series for line in one.lines]
    return {name: at % _COLOURS for at, name in enumerate(dict.fromkeys(names))}


def _section(title: str, parts: Sequence[str]) -> str:
    return f"<section><h2>{title}</h2>{''.join(parts)}</section>" if parts else ""


def _figure(caption: str, rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    return [f"<figure><figcaption>{caption}</figcaption>{plots.ratios(rows)}</figure>"]


def _legend(
    names: Sequence[str], colours: Mapping[str, int], benchmarks: Sequence[Benchmark] = ()
) -> str:
    medians = {
        b.name: f" {quantity(sorted(b.data)[(len(b.data) - 1) // 2], b.unit)}" for b in benchmarks
    }
    items = [
        f'<span class="key"><i class="c{colours.get(name, 0)}"></i>{escape(name)}'
        f"<small>{medians.get(name, '')}</small></span>"
        for name in names
    ]
    return f'<span class="legend">{"".join(items)}</span>'


def _html_rows(rows: Iterable[Row]) -> str:
    body = []
    for row in rows:
        repeat = f"<code>{escape(row.repeat)}</code>" if row.repeat else ""
        gating = "" if row.gating else "<small>not gating</small>"
        body.append(
            f'<tr><td><b class="badge {row.verdict}">{_MARKS[row.verdict]} {row.verdict}</b>'
            f"{gating}</td><th>{escape(row.name)}</th>"
            f'<td class="number">{escape(describe(row.criterion))}</td>'
            f'<td class="number">{escape(_found(row))}<small>{escape(_medians(row))}</small></td>'
            f'<td class="number">{row.n}</td></tr>'
            f'<tr class="why"><td></td><td colspan="4">{escape(_why(row))}{repeat}</td></tr>'
        )
    head = "<tr><td>verdict</td><td>criterion</td><td>asked</td><td>found</td><td>n</td></tr>"
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{"".join(body)}</tbody></table></div>'


def _html_figures(benchmarks: Iterable[Benchmark]) -> str:
    head = "".join(f"<td>{name}</td>" for name in ("benchmark", *_FIGURES))
    body = "".join(
        f"<tr><th>{escape(cells[0])}</th>"
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells[1:])
        + "</tr>"
        for cells in _figures(benchmarks)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _html_facts(results: Results) -> str:
    facts: dict[str, object] = {"measured": results.at.isoformat(sep=" ", timespec="seconds")}
    facts |= {f"commit {key}": value for key, value in results.commit.items()}
    facts |= dict(results.machine)
    facts |= dict(results.versions)
    if isinstance(memory := results.machine.get("memory"), int):
        facts["memory"] = quantity(memory, "B")
    if isinstance(load := results.machine.get("load"), Sequence):
        facts["load"] = ", ".join(f"{value:.2f}" for value in load)
    rows = "".join(
        f"<tr><th>{escape(str(key).replace('_', ' '))}</th><td>{escape(str(value))}</td></tr>"
        for key, value in facts.items()
        if value not in (None, "")
    )
    return f'<div class="wide"><table class="facts"><tbody>{rows}</tbody></table></div>'
