"""What all figures of a report have in common: they are drawn once, as if they were laid out first."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from service.report.style import canvas, png


def test_a_figure_is_the_same_as_one_that_is_laid_out_before_it_is_drawn() -> None:
    drawn: list[bytes] = []
    for laid_out_first in (False, True):
        with canvas(4, 3, nrows=2, sharex=True) as (figure, (above, below)):
            above.plot([1, 2, 3], [1e-3, 20, 1e4], label="a line with a name")
            above.set_yscale("log")
            above.legend()
            below.set_yticks([0, 1], ["a label that takes room", "b"])
            below.annotate("outside", (1, 0.5), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points")
            figure.supxlabel("images seen")
            figure.legend(loc="outside lower center")
            if laid_out_first:
                buffer = BytesIO()
                figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
                drawn.append(buffer.getvalue())
            else:
                drawn.append(png(figure))
    pixels = [Image.open(BytesIO(data)) for data in drawn]
    assert pixels[0].convert("RGB").tobytes() == pixels[1].convert("RGB").tobytes()
    dpi = [own.info["dpi"] for own in pixels]
    assert dpi[0] == dpi[1], "which says how large it is printed"


def test_where_no_axis_is_shown_the_picture_is_the_same_without_a_grid() -> None:
    drawn = []
    for grid in (True, False):
        with canvas(4, 3, grid=grid, nrows=3) as (figure, rows):
            for axes in rows:
                axes.imshow([[0, 1, 2]], interpolation="none")
                axes.set_title("an arm", pad=2)
                axes.set_axis_off()
            drawn.append(png(figure))
    assert drawn[0] == drawn[1]


def test_a_legend_has_a_place_that_costs_nothing_to_find(recwarn: pytest.WarningsRecorder) -> None:
    with canvas(4, 3) as (figure, axes):
        axes.plot(range(300_000), label="a long curve")
        axes.legend()
        png(figure)
    assert not [str(warning.message) for warning in recwarn]
