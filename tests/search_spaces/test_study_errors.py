"""A mistake in a study file is one sentence that names the file, the field, what was given and what is allowed."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from studies import grid_study

from dit_core.errors import UserError
from dit_core.model.config import ModelConfig
from search_spaces.axes import AXES
from search_spaces.load import load_study, study_from_yaml

HEAD = "name: x\nbaseline: digits\n"
ASK = HEAD + "ablations: [block]\n"
NOTHING = "the study varies nothing; give ablations, a grid or a ladder, e.g. grid: {patch_size: [2, 4]}"
NO_STUDY = "not a study but {}; a study file is a mapping with name, baseline and ablations, grid or ladder"
NO_NAME = "is not a study name; use letters, digits, '.', '_' and '-', at most 100, beginning with a letter or a digit"

SENTENCES = {
    HEAD + "ablations: [{axis: block, values: [adaln-zro]}]": (
        "ablation 'Transformer block': block: unknown value 'adaln-zro'; allowed: in-context, cross-attention, adaln, "
        "adaln-zero, adaln-single; did you mean 'adaln-zero'?"
    ),
    HEAD + "ablations: [{axis: size, values: [XXL]}]": (
        "ablation 'Model size': size: unknown value 'XXL'; allowed: S, B, L, XL; did you mean 'XL'?"
    ),
    HEAD + "ablations: [{axis: patch_size, values: [3]}]": (
        "arm 'patch_size=3': model.patch_size: 3 does not divide the input size 8; allowed: 1, 2, 4, 8"
    ),
    HEAD + "ablations: [{axis: patch_size, values: [0]}]": (
        "arm 'patch_size=0': model.patch_size: input should be greater than 0, given 0"
    ),
    HEAD + "ablations: [{axis: patch size, values: [4x8]}]": (
        "ablation 'Patch size': patch_size: '4x8' is not a whole number; values are written like 2, 4, 8"
    ),
    HEAD: NOTHING,
    HEAD + "grid: {}": NOTHING,
    HEAD + "ablations: []": NOTHING,
    HEAD + "grid: {patch_size: []}": "grid.patch_size: empty; give values, e.g. [2, 4, 8]",
    HEAD + "grid: [patch_size]": ("grid: ['patch_size'] is not axes with values; write e.g. {patch_size: [2, 4]}"),
    HEAD + "grid: {patch_size: [[2]]}": ("grid: patch_size: [2] is not a value; a list of names or numbers is wanted"),
    HEAD + "grid: {block: [adaln], conditioning: [adaln]}": (
        "grid: 'block' and 'conditioning' both set model.block; keep one of them"
    ),
    HEAD + "grid: {block: [foo]}": (
        "grid: block: unknown value 'foo'; allowed: in-context, cross-attention, adaln, adaln-zero, adaln-single"
    ),
    HEAD + "ablations: {block: [adaln]}": (
        "ablations: a list is wanted, e.g. [{axis: patch_size, values: [2, 4]}]; for every combination of several "
        "axes' values use grid"
    ),
    HEAD + "ablations: [{axis: block, name: A}, {axis: decoder, name: A}]": (
        "ablations: 2 of them are called 'A'; give each a name of its own"
    ),
    HEAD + "ablations: [block, transformer block]": (
        "ablations: 2 of them are called 'Transformer block'; give each a name of its own"
    ),
    HEAD + "ablations: [{axis: block, action: RELPACE}]": (
        "ablations.0.action: unknown value 'RELPACE'; allowed: REPLACE, REMOVE, ADD; did you mean 'REPLACE'?"
    ),
    HEAD + "ablations: [{axis: size, action: REMOVE}]": (
        "ablation 'Model size': REMOVE has no meaning for size: a model always has a size; use REPLACE with a "
        "smaller one"
    ),
    HEAD + "ablations: [{axis: block, action: remove, values: [adaln]}]": (
        "ablation 'Transformer block': REMOVE takes no values; use REPLACE to try some"
    ),
    HEAD + "ablations: [{axis: block, action: ADD}]": (
        "ablation 'Transformer block': ADD has no meaning for block: every model has one already; use REPLACE"
    ),
    HEAD + "ablations: [{axis: block, value: [adaln]}]": (
        "ablations.0.value: unknown field; allowed: name, axis, action, values, controls, grid, effects, generators, "
        "when, sample, draw, zip, leave_one_out, within; did you mean 'values'?"
    ),
    HEAD + "ablations: [{axis: block, controls: iso-flops}]": (
        "ablations.0.controls: unknown value 'iso-flops'; allowed: none, iso-gflops; did you mean 'iso-gflops'?"
    ),
    HEAD + "ladder: {name: a, set: {size: S}}": (
        "ladder: a list of steps is wanted, e.g. [{name: rectified flow, set: {objective: flow}}]"
    ),
    HEAD + "ladder: [{name: a, set: {sise: S}}]": "ladder step 'a': unknown axis 'sise' (did you mean 'size'?); AXES",
    HEAD + "ladder: [{name: a, set: {beta_end: 0.1}}]": (
        "ladder step 'a': 'beta_end' is no axis; did you mean the field 'diffusion.beta_end'?"
    ),
    HEAD + "ladder: [{name: a, set: {size: XXL}}]": (
        "ladder step 'a': size: unknown value 'XXL'; allowed: S, B, L, XL; did you mean 'XL'?"
    ),
    HEAD + "ladder: [{name: a, set: {model.patch_size: 3}}]": (
        "ladder step 'a': model.patch_size: 3 does not divide the input size 8; allowed: 1, 2, 4, 8"
    ),
    HEAD + "ladder: [{name: a, set: {size: S}}, {name: a, set: {lr: 1e-3}}]": (
        "ladder: 2 steps are called 'a'; give each a name of its own"
    ),
    HEAD + "ladder: [{name: ' ', set: {size: S}}]": "ladder: a step has no name",
    HEAD + "ladder: [{name: a, set: {size: S}}, {name: b, set: {model.depth: 3}}]": (
        "ladder step 'b': changes nothing; what it sets is so already"
    ),
    HEAD + "ladder: [{name: a, set: {}}]": "ladder step 'a': changes nothing; what it sets is so already",
    HEAD + "ladder: [{name: a, set: {seed: 3}}]": (
        "ladder step 'a'.seed: a seed is not part of an arm; write seeds under seeds"
    ),
    HEAD + "ladder: [{name: a, sets: {size: S}}]": "ladder.0.set: required and missing; ladder.0.sets: unknown field; "
    "allowed: name, set; did you mean 'set'?",
    ASK + "seeds: [0, 1, 0]": "seeds: 0 repeats; every seed may appear once",
    ASK + "seeds: []": "seeds: empty; give at least one, e.g. [0, 1]",
    ASK + "seeds: [-1]": "seeds: -1 is not between 0 and 2147483647",
    ASK + "budget_images: 50": "budget_images: 50 is below one batch, 64",
    ASK + "budget_images: 1000": (
        "budget_images: 1000 is not a multiple of the batch size, 64; nearest that fits: 960 or 1024"
    ),
    ASK + "budget_images: 0": "budget_images: input should be greater than 0, given 0",
    ASK + "rungs: [100]": "rungs: 100 is not a multiple of the batch size, 64; nearest that fits: 64 or 128",
    ASK + "rungs: [25600, 12800]": "rungs: [25600, 12800] is not an increasing list of image counts above 0",
    ASK + "rungs: [51200]": "rungs: 51200 is not below budget_images, 51200",
    HEAD + "ablations: [{axis: batch size, values: [96]}]": (
        "budget_images: 51200 is not a multiple of the batch size of arm 'batch_size=96', 96; "
        "nearest that fits: 51072 or 51264"
    ),
    ASK + "primary_metric: fid": "primary_metric: unknown value 'fid'; allowed: fd_digits_cnn",
    ASK + "primary_metric: fd_digits_cn": (
        "primary_metric: unknown value 'fd_digits_cn'; allowed: fd_digits_cnn; did you mean 'fd_digits_cnn'?"
    ),
    ASK + "resources: {worker: 2}": (
        "resources.worker: unknown field; allowed: lanes, workers, cpus_per_worker, gpus_per_worker, accelerator_type, "
        "weight, max_device_hours, max_cost, price_per_device_hour, currency; "
        "did you mean 'workers'?"
    ),
    "name: my study\nablations: [block]": (f"name: 'my study' {NO_NAME}"),
    "name: x\nbaseline: digit\nablations: [block]": (
        "baseline.profile: unknown value 'digit'; allowed: paper, digits, pixels-16, pixels-32, "
        "pixels-64, small-latents; did you mean 'digits'?"
    ),
    "name: x\nbaseline: {overrides: {model.pach_size: 4}}\nablations: [block]": (
        f"baseline.overrides: model.pach_size: unknown field; allowed: {', '.join(ModelConfig.model_fields)}; "
        "did you mean 'patch_size'?"
    ),
    "name: x\nbaseline: {overrides: {modle.patch_size: 4}}\nablations: [block]": (
        "baseline.overrides: modle: unknown field; allowed: model, diffusion, data, training, evaluation, seed; "
        "did you mean 'model'?"
    ),
    "name: x\nbaseline: {overrides: {path: images}}\nablations: [block]": (
        "baseline.overrides: 'path' is no axis; did you mean the field 'data.path'?"
    ),
    "name: x\nbaseline: {overrides: {seed: 4}}\nablations: [block]": (
        "baseline.overrides.seed: a seed is not part of an arm; write seeds under seeds"
    ),
    "name: x\nbaseline: {overrides: {size: [S, B]}}\nablations: [block]": (
        "baseline.overrides: size: unknown value ['S', 'B']; allowed: S, B, L, XL"
    ),
    "name: x\nbaseline: {overrides: {objective: [flow]}}\nablations: [block]": (
        "baseline.overrides: objective: unknown value ['flow']; allowed: noise, x0, v, flow; did you mean 'flow'?"
    ),
    "name: x\nbaseline: {overrides: {depth: [4]}}\nablations: [block]": (
        "baseline.overrides: depth: [4] is not a whole number; values are written like 3, 7, 14"
    ),
    "": NO_STUDY.format("an empty file"),
    "# later\n---\n": NO_STUDY.format("an empty file"),
    "null": NO_STUDY.format("null"),
    "- a\n- b": NO_STUDY.format("a list of 2"),
    "a": NO_STUDY.format("the text 'a'"),
    "3": NO_STUDY.format("the number 3"),
    "true": NO_STUDY.format("true"),
    "name: -rf\nablations: [block]": f"name: '-rf' {NO_NAME}",
    "name: .\nablations: [block]": f"name: '.' {NO_NAME}",
    ASK + "seeds: 3": "seeds: 3 given; write [0, 1, 2] for 3 seeds, or [3] for seed number 3",
    ASK + "seeds: 1": "seeds: 1 given; write [0] for 1 seed, or [1] for seed number 1",
    ASK + "seeds: 0": "seeds: 0 given; write [0] for seed number 0",
    ASK + "seeds: 100": "seeds: 100 given; write [0, 1, ..., 99] for 100 seeds, or [100] for seed number 100",
    ASK + f"seeds: {list(range(1001))}": "seeds: 1,001 given; allowed: at most 1,000",
    ASK + "rungs: none": "rungs: 'none' given; write image counts, e.g. [12800, 25600], or [] for no rungs",
    ASK + f"rungs: {list(range(1, 1002))}": "rungs: 1,001 given; allowed: at most 1,000",
    HEAD + f"ablations: {['block'] * 1001}": "ablations: 1,001 given; allowed: at most 1,000",
    ASK + "keep_checkpoints: al": ("keep_checkpoints: unknown value 'al'; allowed: needed, all; did you mean 'all'?"),
    HEAD + f"seeds: {list(range(1000))}\ngrid: {{lr: {[step / 1000 for step in range(1, 102)]}}}": (
        "seeds: 1,000 seeds of 101 arms are 101,000 trials; allowed: at most 100,000"
    ),
    "baseline: {overrides: {model.depth: 1000}}\nablations: [block]": (
        "baseline.overrides: model.depth: input should be less than or equal to 256, given 1000"
    ),
    "baseline: {overrides: {evaluation.num_samples: 1e12}}\nablations: [block]": (
        "baseline.overrides: evaluation.num_samples: input should be less than or equal to 1000000, given "
        "1000000000000.0"
    ),
    "baseline: {overrides: {dropout: 1.5}}\nablations: [block]": (
        "baseline.overrides: dropout: input should be less than 1, given 1.5"
    ),
    "baseline: {overrides: {ema: 2}}\nablations: [block]": (
        "baseline.overrides: ema: 2 given; allowed: at least 0 and less than 1"
    ),
    HEAD + "ablations: [{axis: dropout, values: [1.5]}]": (
        "arm 'dropout=1.5': dropout: input should be less than 1, given 1.5"
    ),
    HEAD + "grid: {dropout: [1.5]}": "arm 'dropout=1.5': dropout: input should be less than 1, given 1.5",
    HEAD + "ladder: [{name: a, set: {ema: 2}}]": ("ladder step 'a': ema: 2 given; allowed: at least 0 and less than 1"),
    HEAD + "seeds: [0]\nseeds: [1]\nablations: [block]": "line 4: 'seeds' is given twice (first in line 3)",
    HEAD + "ablations: [block": (
        "line 3, column 18: not valid YAML (expected ',' or ']', but got '<stream end>' while parsing a flow sequence)"
    ),
}


@pytest.mark.parametrize("text", SENTENCES)
def test_the_sentence(text: str) -> None:
    with pytest.raises(UserError) as error:
        study_from_yaml(text, "my.yaml")
    expected = SENTENCES[text].replace("AXES", f"axes: {', '.join(AXES)}")
    assert str(error.value) == f"my.yaml: {expected}"


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        (
            HEAD + "ablations: [{axis: pach size}]",
            "ablations: unknown axis 'pach size' (did you mean 'patch_size'?); axes: ",
            "",
        ),
        (
            HEAD + "ablations: [{axis: dcoder, name: D}]",
            "ablation 'D': unknown axis 'dcoder' (did you mean 'decoder'?); axes: ",
            "",
        ),
        (
            HEAD + "grid: {blok: [adaln]}",
            "grid: unknown axis 'blok' (did you mean 'block'?); axes: ",
            "",
        ),
        (
            "baseline: {overrides: {sise: S}}",
            "baseline.overrides: unknown axis 'sise' (did you mean 'size'?); axes: ",
            "",
        ),
        (HEAD + "abaltions: [block]", "abaltions: unknown field; allowed: name, ", "; did you mean 'ablations'?"),
    ],
)
def test_a_misspelt_axis_or_key_gets_the_nearest(text: str, start: str, end: str) -> None:
    with pytest.raises(UserError) as error:
        study_from_yaml(text, "my.yaml")
    assert str(error.value).startswith(f"my.yaml: {start}")
    assert str(error.value).endswith(end)


def test_an_unknown_preset_or_missing_file_lists_the_presets() -> None:
    with pytest.raises(UserError) as error:
        load_study("dit-digit")
    assert str(error.value) == (
        "dit-digit: no such study file or preset; presets: dit-digits, dit-modern, dit-paper; "
        "did you mean 'dit-digits'?"
    )
    with pytest.raises(UserError, match=r"^missing\.yaml: no such study file or preset; presets: "):
        load_study("missing.yaml")
    with pytest.raises(UserError, match=r"^missing\.md: cannot be read \(No such file or directory\)$"):
        load_study("missing.md")
    with pytest.raises(UserError, match=r"^no study given; "):
        load_study("")


def test_a_folder_a_strange_file_and_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder; give a study file"):
        load_study(tmp_path)
    strange = tmp_path / "study.doc"
    strange.write_text(ASK)
    with pytest.raises(UserError, match=r"unknown kind of file; a study file ends in \.yaml"):
        load_study(strange)
    binary = tmp_path / "study.yaml"
    binary.write_bytes(b"name: \xff\xfe")
    with pytest.raises(UserError, match=r"study\.yaml: not UTF-8 text \(byte 6\); save it as UTF-8$"):
        load_study(binary)


SIZES = {
    "input_size": 10**12, "in_channels": 10**12, "hidden_size": 10**12, "mlp_ratio": 1e12, "num_classes": 10**12,
    "registers": 10**12, "alignment_width": 10**12,
}  # fmt: skip


@pytest.mark.parametrize("field", SIZES)
def test_no_size_of_a_network_is_beyond_what_can_be_counted(field: str) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        ModelConfig(**{field: SIZES[field]})


def test_a_study_of_more_arms_than_anybody_has_is_refused() -> None:
    with pytest.raises(UserError, match=r"^study: the study has 10,001 arms; allowed: at most 10,000$"):
        rates = [step / 20_000 for step in range(1, 10_002)]
        study_from_yaml(HEAD + f"seeds: [0]\nablations: [{{axis: lr, values: {rates}}}]")


def test_errors_name_the_file_they_come_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(ASK + "seeds: [1, 1]")
    with pytest.raises(UserError) as error:
        load_study(path)
    assert str(error.value) == f"{path}: seeds: 1 repeats; every seed may appear once"


def test_studies_built_in_python_get_the_same_sentences() -> None:
    with pytest.raises(UserError, match=r"^grid\.patch_size: empty; give values, e\.g\. \[2, 4, 8\]$"):
        grid_study("s", {"patch_size": []})
    with pytest.raises(UserError, match=r"^seedz: unknown field; allowed: .*; did you mean 'seeds'"):
        grid_study("s", {"patch_size": [2]}, seedz=[1])
