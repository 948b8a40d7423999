"""The union of a study's questions around one baseline, each distinct arm once."""

import pytest
from studies import ablation_study, grid_study

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import load_study
from search_spaces.study import Ablation, Study


def arms(study: Study) -> list[str]:
    return [arm.name for arm in expand(study).arms]


@pytest.mark.parametrize("preset", ["dit-digits", "dit-paper"])
def test_the_five_ablations_are_twelve_arms(preset: str) -> None:
    expansion = expand(load_study(preset))
    assert [arm.name for arm in expansion.arms] == [
        "baseline",
        *("patch_size=4", "patch_size=8"),
        *("block=in-context", "block=cross-attention", "block=adaln"),
        *("size=S", "size=B", "size=L"),
        *("decoder=mlp", "decoder=conv", "decoder=conv-upsample"),
    ]
    assert len(expansion.trials) == 24
    assert [view.axis for view in expansion.ablations] == ["patch_size", "block", "size", "conditioning", "decoder"]
    assert [len(view.adds) for view in expansion.ablations] == [2, 3, 3, 0, 3]
    model = expansion.baseline.config.model
    assert (model.patch_size, model.block, model.decoder) == (2, "adaln-zero", "linear")
    assert expansion.baseline.is_baseline and expansion.baseline.delta == {}
    assert len(expansion.baseline.ablations) == 5


def test_conditioning_shares_the_arms_of_block() -> None:
    expansion = expand(load_study("dit-digits"))
    view = next(view for view in expansion.ablations if view.axis == "conditioning")
    assert view.arms == (
        ("adaln-zero", "baseline"),
        ("adaln", "block=adaln"),
        ("cross-attention", "block=cross-attention"),
    )
    assert view.notes == ("adds no arm: every one it asks for is there already",)
    assert expansion.arm("block=adaln").ablations == ("Transformer Block Architecture", "Conditioning Mechanism")
    assert expansion.arm("block=adaln").delta == {"block": "adaln"}


def test_an_arm_has_one_name_whichever_ablation_asks_for_it() -> None:
    assert arms(ablation_study("s", ["conditioning"])) == ["baseline", "block=adaln", "block=cross-attention"]


def test_every_arm_differs_from_every_other_and_trials_are_arms_times_seeds() -> None:
    expansion = expand(ablation_study("s", ["block", "conditioning", "decoder"], seeds=[3, 1, 4]))
    configs = [arm.config.model_dump_json() for arm in expansion.arms]
    assert len(set(configs)) == len(configs)
    assert len(expansion.trials) == 3 * len(expansion.arms) == len({trial.name for trial in expansion.trials})
    assert [trial.seed for trial in expansion.trials[: len(configs)]] == [3] * len(configs)
    assert all(trial.config.seed == trial.seed for trial in expansion.trials)


def test_the_baseline_is_listed_even_where_it_was_not_asked_for() -> None:
    (view,) = expand(ablation_study("s", [Ablation(axis="patch size", values=("8x8", 4))])).ablations
    assert view.arms == (("2", "baseline"), ("8", "patch_size=8"), ("4", "patch_size=4"))
    assert view.name == "Patch size"


def test_a_value_written_twice_is_one_value() -> None:
    (view,) = expand(ablation_study("s", [Ablation(axis="patch", values=(4, "4x4", "p=4"))])).ablations
    assert view.arms == (("2", "baseline"), ("4", "patch_size=4"))


def test_no_values_means_every_value_and_says_so() -> None:
    (view,) = expand(ablation_study("s", ["decoder"])).ablations
    assert [label for label, _ in view.arms] == ["linear", "mlp", "conv", "conv-upsample"]
    assert view.notes == ("names no value, so it tries the usual ones: linear, mlp, conv, conv-upsample",)


def test_remove_and_add() -> None:
    study = ablation_study(
        "s",
        [
            Ablation(name="without", axis="block", action="REMOVE"),
            Ablation(name="with", axis="decoder", action="ADD", values=("conv",)),
        ],
    )
    expansion = expand(study)
    assert [arm.name for arm in expansion.arms] == ["baseline", "block=in-context", "decoder=conv"]
    assert [view.action for view in expansion.ablations] == ["REMOVE", "ADD"]
    assert expansion.ablations[0].notes[0].startswith("REMOVE means plain transformer blocks")


def test_a_grid_is_every_combination() -> None:
    study = grid_study("s", {"patch_size": [2, 4], "block": ["adaln", "adaln-zero"]})
    expansion = expand(study)
    assert [arm.name for arm in expansion.arms] == [
        "baseline",
        "block=adaln",
        "patch_size=4,block=adaln",
        "patch_size=4",
    ]
    (view,) = expansion.ablations
    assert (view.name, view.axis, view.action) == ("Grid", "patch_size, block", "GRID")
    assert view.arms[1] == ("patch_size=2,block=adaln-zero", "baseline")
    assert expansion.arm("patch_size=4,block=adaln").delta == {"patch_size": 4, "block": "adaln"}


def test_a_grid_without_the_baseline_is_still_compared_with_it() -> None:
    expansion = expand(grid_study("s", {"patch size": [4, 8], "size": ["S"]}))
    assert [arm.name for arm in expansion.arms] == ["baseline", "patch_size=4,size=S", "patch_size=8,size=S"]
    assert expansion.ablations[0].arms[0] == ("baseline", "baseline")


def test_a_grid_shares_arms_with_ablations() -> None:
    study = ablation_study("s", ["patch size"], grid={"patch_size": [2, 4], "decoder": ["linear", "conv"]})
    expansion = expand(study)
    assert expansion.arm("patch_size=4").ablations == ("Patch size", "Grid")
    assert expansion.ablations[1].adds == ("decoder=conv", "patch_size=4,decoder=conv")


def test_overrides_move_the_baseline_and_all_its_arms() -> None:
    overrides = {"size": "S", "lr": "5e-4", "data.held_out_fraction": 0.5}
    expansion = expand(ablation_study("s", ["patch size", "size"], overrides=overrides))
    for arm in expansion.arms:
        assert arm.config.training.learning_rate == 5e-4
        assert arm.config.data.held_out_fraction == 0.5
    assert expansion.baseline.config.model.hidden_size == 24
    assert expansion.arm("size=XL").config.model.hidden_size == 72
    assert "size=S" not in [arm.name for arm in expansion.arms]


def test_overrides_are_set_together_so_that_their_order_does_not_matter() -> None:
    overrides = {"model.num_heads": 5, "model.hidden_size": 40, "model.depth": 2}
    expansion = expand(ablation_study("s", ["size", "depth"], overrides=overrides))
    assert expansion.ablations[0].arms[0] == ("baseline", "baseline")
    assert [arm.name for arm in expansion.arms][1:5] == ["size=S", "size=B", "size=L", "size=XL"]
    assert expansion.arm("depth=14").config.model.hidden_size == 40


def test_numbers_are_swept_like_anything_else() -> None:
    study = ablation_study("s", [Ablation(axis="lr", values=("1e-3", 2e-3)), "batch size"])
    assert arms(study) == ["baseline", "learning_rate=0.001", "learning_rate=0.002", "batch_size=32", "batch_size=128"]


def test_a_grid_names_the_combination_that_is_impossible() -> None:
    with pytest.raises(UserError) as error:
        grid_study("s", {"hidden_size": [72, 64], "num_heads": [4, 9]})
    assert str(error.value) == (
        "arm 'hidden_size=64,num_heads=9': model.num_heads: 9 does not divide the hidden size 64; "
        "nearest that do: 4, 8, 16, 32"
    )
