"""The catalogue of controls, as `wardenry controls list` shows it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from libs.controls.catalogue.catalogue import CATALOGUE
from libs.controls.catalogue.control import Control
from libs.controls.catalogue.extent import MISSING
from libs.controls.probes.registry import PROBES
from libs.controls.standing import Standing, standing_of
from services.operator.terminal.output import table, width

_STYLES = {
    Standing.PROBED: "green",
    Standing.PARTLY: "yellow",
    Standing.NOT_BUILT: "red",
    Standing.NO_PROCESS: "red",
}
#: From so many columns on what is missing has a column of its own; narrower, it stands below the promise.
_WIDE = 120


def catalogue_table() -> Iterator[RenderableType]:
    """Every control in its group."""
    wide = width() >= _WIDE
    rows = table("id", "promise", "standing", *(["missing"] if wide else []))
    for group, controls in _by_group():
        rows.add_row()
        rows.add_row("", Text(group, "bold"))
        for control in controls:
            _add(rows, control, wide=wide)
    yield rows


def _by_group() -> Iterator[tuple[str, Sequence[Control]]]:
    for group in dict.fromkeys(control.group for control in CATALOGUE):
        yield group, [control for control in CATALOGUE if control.group == group]


def _add(rows: Table, control: Control, *, wide: bool) -> None:
    standing = standing_of(control, PROBES)
    missing = MISSING.get(control.id, "")
    promise = Text(control.promise)
    if missing and not wide:
        promise.append(f"\nmissing: {missing}", "dim")
    shown = Text(standing, _STYLES.get(standing, ""))
    rows.add_row(control.id, promise, shown, *([Text(missing)] if wide else []))


def standings() -> Iterator[Text]:
    """How many there are of each."""
    counts = Counter(standing_of(control, PROBES) for control in CATALOGUE)
    told = "; ".join(f"{counts[standing]} {standing.value}" for standing in Standing if counts[standing])
    yield Text(f"{len(CATALOGUE)} controls: {told}")


def catalogue_as_json() -> list[dict[str, object]]:
    """The same for programs."""
    return [
        {
            "control": control.id,
            "group": control.group,
            "promise": control.promise,
            "observable": control.observable,
            "standing": standing_of(control, PROBES).value,
            "missing": MISSING.get(control.id),
        }
        for control in CATALOGUE
    ]
