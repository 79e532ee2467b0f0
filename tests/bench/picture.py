"""The measurements as bars: how far each ratio is from its goal."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from tests.bench.measurement import Measurement
from tests.bench.report import number

_ROW, _LABEL, _BARS, _VALUE, _TOP = 26, 380, 400, 250, 64
_WIDTH = _LABEL + _BARS + _VALUE
#: The longest bar: so many times as good or as bad as the goal.
_MOST = 10.0

_STYLE = """
:root { color-scheme: light dark; }
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.quiet { fill: #59636e; font-size: 12px; }
.title { font-weight: 600; font-size: 15px; }
.goal { stroke: #1f2328; stroke-dasharray: 3 3; }
.met { fill: #1a7f37; }
.missed { fill: #cf222e; }
.page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .quiet { fill: #9198a1; }
  .goal { stroke: #e6edf3; }
  .met { fill: #3fb950; }
  .missed { fill: #f85149; }
  .page { fill: #0d1117; }
}
"""


def attained(measurement: Measurement) -> float:
    """1 where the goal is just met, more where it is more than met: 2 is twice as good as asked for."""
    if not measurement.goal:
        return _MOST if measurement.met else 1 / _MOST
    share = measurement.ratio / measurement.goal
    return share if measurement.at_least else (1 / share if share else _MOST)


def write(measurements: Sequence[Measurement], file: Path) -> None:
    """An SVG file, legible on light and on dark pages."""
    height = _TOP + _ROW * len(measurements) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
        ' role="img">',
        f"<title>Measurements against their goals</title><style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
        '<text class="title" x="12" y="24">Measurements against their goals</text>',
        f'<text class="quiet" x="12" y="44">Bars end where the result is; the line is the goal, to its right it is met.'
        f" Logarithmic. {datetime.now(UTC):%Y-%m-%d}</text>",
    ]
    lines += [_bar(each, _TOP + _ROW * position) for position, each in enumerate(measurements)]
    middle = _place(1.0)
    bottom = _TOP + _ROW * len(measurements)
    lines.append(f'<line class="goal" x1="{middle:.1f}" x2="{middle:.1f}" y1="{_TOP - 6}" y2="{bottom}"/>')
    for times, label in ((0.1, "a tenth"), (1.0, "goal"), (_MOST, "ten times")):
        lines.append(
            f'<text class="quiet" x="{_place(times):.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
        )
    lines.append("</svg>")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def _bar(each: Measurement, top: int) -> str:
    middle, end = _place(1.0), _place(attained(each))
    left, width = min(middle, end), max(abs(end - middle), 2)
    told = f"{number(each.result)} {each.unit}, ratio {each.ratio:.3g} ({'≥' if each.at_least else '≤'} {each.goal:g})"
    return (
        f'<text x="12" y="{top + 16}">{escape(each.id)}<tspan class="quiet" dx="8">{escape(each.what)}</tspan></text>'
        f'<rect class="{"met" if each.met else "missed"}" x="{left:.1f}" y="{top + 4}" width="{width:.1f}" height="16"'
        f' rx="2"/><text class="quiet" x="{_LABEL + _BARS + 12}" y="{top + 16}">{escape(told)}</text>'
    )


def _place(times: float) -> float:
    """Where so many times the goal is, from left to right."""
    share = math.log(min(max(times, 1 / _MOST), _MOST)) / math.log(_MOST)
    return _LABEL + 30 + (_BARS - 60) * (share + 1) / 2
