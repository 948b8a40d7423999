"""What all figures of a report have in common: they are drawn once, as if they were laid out first."""

from __future__ import annotations

from io import BytesIO

import pytest

from service.report.style import canvas, png


def test_a_figure_is_the_same_as_one_that_is_laid_out_before_it_is_drawn() -> None:
    drawn = []
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
    assert drawn[0] == drawn[1]


def test_a_legend_has_a_place_that_costs_nothing_to_find(recwarn: pytest.WarningsRecorder) -> None:
    with canvas(4, 3) as (figure, axes):
        axes.plot(range(300_000), label="a long curve")
        axes.legend()
        png(figure)
    assert not [str(warning.message) for warning in recwarn]
