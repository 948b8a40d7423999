"""What is concluded from designs: effects over the cells of a factorial, and comparisons with an own reference."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from finished_study import run_locally, tiny_study

from search_spaces.expand import expand
from search_spaces.study import Study
from service.analysis.contrasts import contrasts
from service.analysis.summary import summarise
from service.analysis.verdicts import study_measurements, study_verdicts
from service.records.store import Store
from service.report.build import build_report
from service.statistics.contrast import Kind

FACTORS = {"block": ["adaln-zero", "adaln"], "norm": ["layernorm", "rmsnorm"], "mlp": ["gelu", "swiglu"]}


def judged(study: Study, log_effects: dict[str, float]):
    """Verdicts where every changed axis multiplies the metric, and block and norm together do so once more."""
    expansion = expand(study)
    values = {}
    for arm in expansion.arms:
        size = math.fsum(log_effects.get(axis, 0.0) for axis in arm.delta)
        size += log_effects.get("both", 0.0) * ({"block", "norm"} <= set(arm.delta))
        values[arm.name] = {
            seed: 10 * math.exp(size + 0.01 * seed + 0.001 * (hash_(arm.name, seed) - 0.5)) for seed in (0, 1)
        }
    return study_verdicts(expansion, study_measurements(expansion, values), study.primary_metric, {})


def hash_(name: str, seed: int) -> float:
    return (sum(map(ord, name)) * 31 + seed * 17) % 97 / 97


def test_effects_of_a_full_factorial_are_what_they_were_made_of() -> None:
    study = Study(name="x", ablations=[{"name": "All", "grid": FACTORS, "effects": True}])
    verdicts = judged(study, {"block": 0.3, "mlp": -0.2, "both": 0.4})
    found = {(p.kind, p.label): v for v in verdicts.verdicts for p in v.contrast.places}
    assert [kind for kind, _ in found].count(Kind.MAIN) == 3 and [k for k, _ in found].count(Kind.INTERACTION) == 3
    expected = {"block=adaln": 0.3 + 0.2, "norm=rmsnorm": 0.2, "mlp=swiglu": -0.2}  # half of the cells have both
    for label, effect in expected.items():
        assert math.log(found[Kind.MAIN, label].ratio) == pytest.approx(effect, abs=0.01)
    assert math.log(found[Kind.INTERACTION, "block x norm"].ratio) == pytest.approx(0.4, abs=0.01)
    assert math.log(found[Kind.INTERACTION, "block x mlp"].ratio) == pytest.approx(0.0, abs=0.01)
    assert found[Kind.MAIN, "block=adaln"].contrast.name == "All: block=adaln, main effect"


def test_a_fraction_compares_every_alias_once() -> None:
    grid = {**FACTORS, "position": ["sincos", "learned"]}
    fraction = {"grid": grid, "generators": {"position": ["block", "norm", "mlp"]}}
    found = [p for c in contrasts(expand(Study(name="x", ablations=[fraction]))) for p in c.places]
    assert [p.label for p in found if p.kind is Kind.INTERACTION] == ["block x norm", "block x mlp", "block x position"]
    three = {"grid": FACTORS, "generators": {"mlp": ["block", "norm"]}}
    kinds = [p.kind for c in contrasts(expand(Study(name="x", ablations=[three]))) for p in c.places]
    assert kinds == [Kind.MAIN] * 3, "no interaction is told from a main effect at resolution III"


def test_an_ordinary_grid_is_compared_as_before() -> None:
    kinds = {p.kind for c in contrasts(expand(Study(name="x", grid=FACTORS))) for p in c.places}
    assert kinds == {Kind.ARM, Kind.INTERACTION}


def test_components_are_compared_with_the_full_system() -> None:
    parts = [{"name": "flow", "set": {"objective": "flow"}}, {"name": "SwiGLU", "set": {"mlp": "swiglu"}}]
    found = {
        p.label: c for c in contrasts(expand(Study(name="x", ablations=[{"leave_one_out": parts}]))) for p in c.places
    }
    assert found["full system"].reference == ("baseline",)
    assert found["less flow"].reference == ("full system",) and found["less flow"].kind is Kind.BESIDE


@pytest.mark.slow
def test_designs_run_and_are_reported(tmp_path: Path) -> None:
    study = tiny_study(
        ablations=[
            {"name": "Factorial", "grid": {"norm": FACTORS["norm"], "mlp": FACTORS["mlp"]}, "effects": True},
            {"name": "Nested", "axis": "mlp", "values": ["swiglu"], "within": {"norm": ["rmsnorm"]}},
            {"name": "Less one", "leave_one_out": [
                {"name": "RMSNorm", "set": {"norm": "rmsnorm"}}, {"name": "SwiGLU", "set": {"mlp": "swiglu"}}]},
            {"name": "Together", "zip": {"norm": ["rmsnorm"], "mlp": ["swiglu"]}},
        ],
        policy={"name": "none"},
    )  # fmt: skip
    store = Store(tmp_path / "store")
    prepared = run_locally(study, store)
    summary = summarise(prepared, store)
    assert summary.finished and len(summary.arms) == 4, "all four questions share their arms"
    report = build_report(prepared, store, command="again")
    text = report.markdown.read_text()
    assert "norm=rmsnorm: main effect" in text and "norm x mlp: interaction" in text
    assert "less SwiGLU − full system" in text and "the better" in text
    assert [path.name for path in report.figures if path.name.startswith("heat")] == ["heat-map-factorial.png"]
