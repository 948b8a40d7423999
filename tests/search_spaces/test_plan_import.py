"""A written plan becomes a study, and every phrase of it is accounted for."""

import json
import random
from pathlib import Path

import pytest

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import dump_study, load_study, study_from_yaml
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.markdown import read_markdown
from search_spaces.plan_import.written import WrittenPlan
from search_spaces.study_defaults import completed

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "examples" / "plans" / "dit-ablations.md"
NOISY = Path(__file__).parent / "data" / "noisy_plan.md"
SHARED = ROOT.parent / "shared" / "plans" / "llama-3.1-405b-instruct_dit.md"
PLANS = [OWN, NOISY, *([SHARED] if SHARED.exists() else [])]


def phrases(plan: ImportedPlan, field: str) -> list[str]:
    said = [*plan.understood, *plan.not_understood]
    return [phrase.text for phrase in said if phrase.field == field and phrase.text]


def account(written: WrittenPlan, plan: ImportedPlan) -> None:
    """Asserts that nothing of a written plan disappears and nothing is counted twice."""
    for field, items in {
        "Ablated Part": [text for entry in written.entries for text in entry.parts],
        "Action": [text for entry in written.entries for text in entry.actions],
        "Replacement": [text for entry in written.entries for text in entry.replacements],
        "Metrics": [text for entry in written.entries for text in entry.metrics],
    }.items():
        assert sorted(phrases(plan, field)) == sorted(items)


def write(folder: Path, text: str, name: str = "plan.md") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def entry(part: str, *items: str, action: str = "REPLACE", metrics: str = "FID", title: str = "T") -> str:
    listed = "".join(f"\n  - {item}" for item in items)
    what = f"## {title}\n- **Ablated Part**: {part}\n- **Action**: {action}\n"
    return f"{what}- **Replacement**:{listed}\n- **Metrics**: {metrics}\n"


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["digits", "paper"])
def test_the_five_ablations_arrive_whole(path: Path, profile: str) -> None:
    plan = import_plan(path, profile=profile)
    assert plan.not_understood == ()
    expansion = expand(plan.require_complete())
    preset = expand(load_study(f"dit-{profile}"))
    assert [(arm.name, arm.config) for arm in expansion.arms] == [(arm.name, arm.config) for arm in preset.arms]
    assert len(expansion.arms) == 12 and len(expansion.trials) == 24
    assert [view.arms for view in expansion.ablations] == [view.arms for view in preset.ablations]
    account(read_markdown(path.read_text()), plan)


@pytest.mark.parametrize("path", PLANS[1:], ids=lambda path: path.stem)
def test_a_language_model_s_plan_is_read_through_its_noise(path: Path) -> None:
    written = read_markdown(path.read_text())
    assert [entry.title for entry in written.entries] == [
        "Patch Size Ablation",
        "Transformer Block Architecture Ablation",
        "Model Size Ablation",
        "Conditioning Mechanism Ablation",
        "Decoder Architecture Ablation",
    ]
    assert [len(entry.replacements) for entry in written.entries] == [3, 4, 4, 2, 2]
    assert [len(entry.metrics) for entry in written.entries] == [1, 1, 2, 1, 1]
    assert not any(entry.remarks for entry in written.entries)


def test_the_sentences_say_how_words_were_understood() -> None:
    said = [str(phrase) for phrase in import_plan(NOISY).understood]
    assert (
        "Decoder Architecture Ablation: Replacement 'alternative decoder architectures': names no value, so the "
        "axis's usual ones other than the baseline's are tried: mlp, conv, conv-upsample"
    ) in said
    assert (
        "Model Size Ablation: Metrics 'FID': fd_digits_cnn: the Fréchet distance in the features of a small digits "
        "classifier, since those of Inception-v3 mean nothing on 8x8 grey images"
    ) in said
    assert "Model Size Ablation: Metrics 'Gflops': Gflops, recorded for every trial anyway" in said
    assert "Patch Size Ablation: Ablated Part 'patch size': the axis patch_size" in said


def test_the_profile_decides_baseline_budget_seeds_rungs_policy_and_metric() -> None:
    digits, paper = import_plan(NOISY).study, import_plan(NOISY, profile="paper").study
    assert (digits.seeds, digits.budget_images, digits.rungs) == ((0, 1), 51_200, (12_800, 25_600))
    assert (digits.policy.name, digits.policy.options) == ("futility", {})
    assert (digits.primary_metric, paper.primary_metric) == ("fd_digits_cnn", "fid")
    assert paper.baseline.profile == "paper" and paper.budget_images == 400_000 * 256
    assert (digits.name, paper.name) == ("noisy_plan-digits", "noisy_plan-paper")
    with pytest.raises(UserError, match=r"^profile: unknown value 'digit'; allowed: paper, digits, .*; did you mean"):
        import_plan(NOISY, profile="digit")


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_an_imported_study_is_a_study_file(path: Path) -> None:
    study = import_plan(path).study
    assert study_from_yaml(dump_study(study)) == study
    assert load_study(path) == study


def test_json_and_json_lines_mean_the_same(tmp_path: Path) -> None:
    entries = read_markdown(NOISY.read_text()).entries
    spellings = [
        ("title", "ablated_part", "action", "replacement", "metrics"),
        ("Title", "AblatedPart", "Action", "Replacement", "Metrics"),
        ("name", "Ablated Part", "ACTION", "replacements", "metric"),
    ]
    expected = [(item.axis, item.values) for item in import_plan(NOISY).study.ablations]
    for keys in spellings:
        data = [
            dict(zip(keys, (e.title, e.parts[0], e.actions[0], e.replacements, ", ".join(e.metrics)), strict=True))
            for e in entries
        ]
        lines = "\n\n".join(json.dumps(item) for item in data)
        named = {item.pop(keys[0]): item for item in [dict(item) for item in data]}
        for text, name in [
            (json.dumps(data), "list.json"),
            (json.dumps({"name": "x", "ablations": data}), "object.json"),
            (json.dumps({"plan": named}), "named.json"),
            (lines, "lines.jsonl"),
        ]:
            plan = import_plan(write(tmp_path, text, name))
            assert plan.not_understood == ()
            assert [(item.axis, item.values) for item in plan.study.ablations] == expected
            assert [item.name for item in plan.study.ablations] == [e.title for e in entries]
    one = write(tmp_path, json.dumps({"ablatedPart": "patch size", "replacement": [4, 8], "Metrics": None}), "one.json")
    assert import_plan(one).study.ablations[0].values == (4, 8)


def test_numbers_and_none_in_json(tmp_path: Path) -> None:
    data = [
        {"Ablated Part": "learning rate", "Action": "replace", "Replacement": 1e-3},
        {"Ablated Part": "transformer block", "Action": "REMOVE", "Replacement": None},
        {"Ablated Part": "EMA", "Action": "REMOVE", "Replacement": "None"},
    ]
    study = import_plan(write(tmp_path, json.dumps(data), "p.json")).study
    assert [(a.axis, a.action, a.values) for a in study.ablations] == [
        ("learning_rate", "REPLACE", (0.001,)),
        ("block", "REMOVE", ()),
        ("ema_decay", "REMOVE", ()),
    ]
    assert [arm.name for arm in expand(study).arms] == [
        "baseline",
        "learning_rate=0.001",
        "block=in-context",
        "ema_decay=0",
    ]


def test_a_plan_that_is_understood_in_part(tmp_path: Path) -> None:
    text = (
        entry("patch size", "4", "3", "six", title="Patches")
        + entry("timestep embedding", "learned", "sinusoidal", action="REPLACE", title="Timesteps")
        + entry("model size", action="REMOVE", metrics="FID, user study", title="Size")
    )
    path = write(tmp_path, text)
    plan = import_plan(path)
    account(read_markdown(text), plan)
    assert [(item.axis, item.values) for item in plan.study.ablations] == [("patch_size", (4,))]
    missed = [(item.ablation, item.field, item.text) for item in plan.not_understood]
    assert missed == [
        ("Patches", "Replacement", "3"),
        ("Patches", "Replacement", "six"),
        ("Timesteps", "Ablated Part", "timestep embedding"),
        ("Timesteps", "Action", "REPLACE"),
        ("Timesteps", "Replacement", "learned"),
        ("Timesteps", "Replacement", "sinusoidal"),
        ("Size", "Ablated Part", "model size"),
        ("Size", "Action", "REMOVE"),
        ("Size", "Metrics", "user study"),
    ]
    with pytest.raises(UserError) as error:
        plan.require_complete()
    sentence = str(error.value)
    assert sentence.startswith(f"{path}: 9 phrases of the plan not understood: Patches: Replacement '3': ")
    assert "model.patch_size: 3 does not divide the input size 8; allowed: 1, 2, 4, 8" in sentence
    assert "Timesteps: Ablated Part 'timestep embedding': how the timestep is embedded" in sentence
    assert "and with it Action 'REPLACE', Replacement 'learned', Replacement 'sinusoidal'" in sentence
    assert "Size: Action 'REMOVE': REMOVE has no meaning for size: a model always has a size" in sentence
    assert "--skip-unknown" in sentence
    with pytest.raises(UserError, match="not understood"):
        load_study(path)
    study = load_study(path, skip_unknown=True)
    assert study == plan.require_complete(skip_unknown=True)
    text = dump_study(study, plan.comments)
    assert text.count("# Not understood, and left out: ") == 9
    assert study_from_yaml(text) == study


def test_an_incomprehensible_plan_names_everything(tmp_path: Path) -> None:
    text = entry("flux capacitor", "gigawatts") + entry("tokeniser of dreams", "none", action="OBLITERATE", title="U")
    with pytest.raises(UserError) as error:
        import_plan(write(tmp_path, text))
    sentence = str(error.value)
    assert "no ablation of this plan was understood: T: Ablated Part 'flux capacitor'" in sentence
    for word in ("gigawatts", "tokeniser of dreams", "OBLITERATE", "'none'"):
        assert word in sentence


def test_no_values_are_made_up_for_values_that_were_not_understood(tmp_path: Path) -> None:
    text = entry("decoder", "U-Net", title="D") + entry("patch size", "4", title="P")
    plan = import_plan(write(tmp_path, text))
    assert [item.axis for item in plan.study.ablations] == ["patch_size"]
    assert [item.text for item in plan.not_understood] == ["decoder", "REPLACE", "U-Net"]


@pytest.mark.parametrize(
    ("part", "action", "items", "expected"),
    [
        ("adaLN-Zero block", "REPLACE", ("adaLN",), ("block", "REPLACE", ("adaln",))),
        ("adaLN-Zero block", "REMOVE", (), ("block", "REMOVE", ())),
        ("DiT-XL", "swap", ("smaller models",), ("size", "REPLACE", ("S", "B", "L"))),
        ("convolutional decoder", "ADD", (), ("decoder", "ADD", ("conv",))),
        ("decoder", "Add", (), ("decoder", "ADD", ("mlp", "conv", "conv-upsample"))),
        ("decoder", "add", ("pixel shuffle",), ("decoder", "ADD", ("conv-upsample",))),
        ("adaLN-Zero", "REMOVE", ("cross-attention",), ("block", "REPLACE", ("cross-attention",))),
        ("decoder", "REPLACE", (), ("decoder", "REPLACE", ("linear", "mlp", "conv", "conv-upsample"))),
        ("decoder", "REPLACE", ("alternatives (e.g. MLP, conv)",), ("decoder", "REPLACE", ("mlp", "conv"))),
        ("decoder", "swap", ("alternatives to linear",), ("decoder", "REPLACE", ("mlp", "conv", "conv-upsample"))),
        ("patch size", "REPLACE", ("2, 4 and 8",), ("patch_size", "REPLACE", (2, 4, 8))),
        ("patch size", "REPLACE", ("larger patches",), ("patch_size", "REPLACE", (4, 8))),
        ("patch size", "vary", ("the baseline", "4x4 (default)"), ("patch_size", "REPLACE", (2, 4))),
        ("block", "REPLACE", ("adaLN and cross-attention",), ("block", "REPLACE", ("adaln", "cross-attention"))),
    ],
)
def test_parts_and_actions(
    tmp_path: Path, part: str, action: str, items: tuple[str, ...], expected: tuple[object, ...]
) -> None:
    text = entry(part, *items, action=action)
    plan = import_plan(write(tmp_path, text))
    assert plan.not_understood == ()
    account(read_markdown(text), plan)
    (ablation,) = plan.study.ablations
    assert (ablation.axis, ablation.action, ablation.values) == expected


@pytest.mark.parametrize(
    ("part", "action", "items"),
    [
        ("cross-attention", "REMOVE", ()),  # the baseline has none
        ("decoder", "REMOVE", ()),  # the baseline's is the plain one already
        ("transformer block", "ADD", ("cross-attention",)),
        ("patch size", "REPLACE or REMOVE", ("4",)),
        ("patch size", "FROBNICATE", ("4",)),
        ("decoder", "REPLACE", ("non-linear decoder",)),
        ("transformer block", "REPLACE", ("adaLN (without the final norm)",)),
        ("patch size", "REPLACE", ("smaller patches",)),
        ("decoder and block", "REPLACE", ("linear",)),
        ("timestep conditioning", "REMOVE", ()),
    ],
)
def test_what_could_be_read_wrongly_is_not_read(tmp_path: Path, part: str, action: str, items: tuple[str, ...]) -> None:
    text = entry(part, *items, action=action, title="A") + entry("patch size", "4", title="B")
    plan = import_plan(write(tmp_path, text))
    account(read_markdown(text), plan)
    assert [item.name for item in plan.study.ablations] == ["B"]
    assert {item.ablation for item in plan.not_understood} == {"A"}
    assert any(not item.follows for item in plan.not_understood)


def test_what_is_left_out_is_read_from_the_title_and_said(tmp_path: Path) -> None:
    plan = import_plan(write(tmp_path, "### Patch Size Ablation\n- **Replacement**: 4, 8\n"))
    assert plan.study.ablations[0].values == (4, 8)
    assert [str(phrase) for phrase in plan.understood][:2] == [
        "Patch Size Ablation: no Ablated Part: taken from its title: the axis patch_size",
        "Patch Size Ablation: no Action: read as REPLACE; each value in turn takes the place of the baseline's",
    ]


def test_ablations_of_one_title_get_names_of_their_own(tmp_path: Path) -> None:
    plan = import_plan(write(tmp_path, entry("patch size", "4") + entry("decoder", "conv") + entry("block", "adaLN")))
    names = [ablation.name for ablation in plan.study.ablations]
    assert names == ["T", "T (2)", "T (3)"]


def test_the_description_is_the_plan_s_title_and_not_an_ablation_s(tmp_path: Path) -> None:
    untitled = import_plan(write(tmp_path, entry("patch size", "4"), "mine.md"))
    titled = import_plan(write(tmp_path, "# My question\n## Plan\n" + entry("patch size", "4"), "mine.md"))
    assert untitled.study.description == "mine, imported from mine.md"
    assert titled.study.description == "My question, imported from mine.md"


@pytest.mark.slow
def test_nothing_disappears_from_any_plan(tmp_path: Path) -> None:
    draw = random.Random(0)
    parts = [
        "patch size",
        "DiT block",
        "model size",
        "decoder",
        "adaLN-Zero",
        "learning rate",
        "VAE",
        "linear decoder",
        "?",
    ]
    items = ["4", "4x4", "3", "adaLN", "no adaLN", "DiT-S", "larger models", "alternatives", "conv (wide)", "none",
             "U-Net", "the baseline", "adaLN and cross-attention", "others (e.g. MLP)", "1e-3", "-2"]  # fmt: skip
    for _ in range(80):
        entries = [
            entry(
                draw.choice(parts),
                *draw.sample(items, draw.randrange(4)),
                action=draw.choice(["REPLACE", "REMOVE", "ADD", "add or remove", "mangle"]),
                metrics=draw.choice(["FID", "FID, Gflops", "speed", "FID, happiness, parameters"]),
                title=f"Entry {number}",
            )
            for number in range(draw.randrange(1, 5))
        ]
        text = "\n".join([*entries, entry("patch size", "8", title="Last")])
        plan = import_plan(write(tmp_path, text))
        account(read_markdown(text), plan)
        kept = {ablation.name for ablation in plan.study.ablations}
        assert "Last" in kept
        for phrase in plan.understood:
            assert phrase.field == "Metrics" or phrase.ablation in kept
        assert len(expand(plan.study).ablations) == len(kept) == len(plan.study.ablations)


def test_remarks_are_kept_apart_and_said(tmp_path: Path) -> None:
    text = entry("patch size", "4") + "- **Rationale**: tokens matter\n"
    plan = import_plan(write(tmp_path, text))
    assert plan.notes == ("T: Rationale 'tokens matter' is a remark; it changes nothing",)


def test_metrics(tmp_path: Path) -> None:
    metrics = "FID-50K, Fréchet Inception Distance (FID), GFLOPs, parameter count, training loss, LPIPS"
    plan = import_plan(write(tmp_path, entry("patch size", "4", metrics=metrics)), profile="paper")
    assert [item.text for item in plan.not_understood] == ["LPIPS"]
    assert plan.not_understood[0].reason.startswith("no such metric; metrics: ")
    said = [phrase for phrase in plan.understood if phrase.field == "Metrics"]
    assert [phrase.meaning for phrase in said] == [
        *["fid, on 50000 generated images"] * 2,
        "Gflops, recorded for every trial anyway",
        "the parameter count, recorded for every trial anyway",
        "the training loss, recorded for every trial anyway",
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("p.md", "# Just prose\nWe should try things.\n", "no ablations found; a plan has entries with Ablated Part"),
        ("p.md", "", "no ablations found"),
        ("p.json", "[]", "no ablations found"),
        ("p.json", '{"a": ', "line 1, column 7: not valid JSON (Expecting value)"),
        ("p.json", "3", "not a plan; a plan is a list of objects with Ablated Part, Action, Replacement, Metrics"),
        ("p.json", "[3]", "3 is not an entry; an entry is an object with Ablated Part, Action, Replacement, Metrics"),
        (
            "p.json",
            '{"seeds": [0], "ablations": []}',
            "seeds belong to a study file, not to a plan; a study file ends in",
        ),
        ("p.jsonl", '{"a": 1}\nnope\n', "line 2: not valid JSON (Expecting value)"),
        ("p.jsonl", '{"a": 1}\n{"a": ' + "9" * 5000 + "}\n", "line 2: a number in it has more digits than can be read"),
        ("p.json", '{"a": ' + "9" * 5000 + "}", "a number in it has more digits than can be read"),
        ("p.jsonl", '{"a": ' + "[" * 5000 + "\n", "line 1: nested too deeply"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = write(tmp_path, text, name)
    with pytest.raises(UserError) as error:
        import_plan(path)
    assert str(error.value).startswith(f"{path}: {sentence}")


def test_complete_leaves_what_is_said_alone() -> None:
    assert completed({"name": "x", "seeds": [7]})["seeds"] == [7]
    assert "rungs" not in completed({"name": "x", "budget_images": 1280})
