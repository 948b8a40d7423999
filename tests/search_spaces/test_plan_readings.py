"""What an entry is about is found from everything it says; what is not certain is asked; what is unread stops."""

from pathlib import Path
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.axes import all_axes
from search_spaces.expand import expand
from search_spaces.load import dump_study, load_study, study_from_yaml
from search_spaces.plan_import import NothingUnderstood, import_plan
from search_spaces.plan_import.understand import EntryReader
from search_spaces.plan_import.written import Entry, split_items
from search_spaces.profiles import DIGITS
from search_spaces.study import Ablation


def read(part: str, action: str, *items: str, title: str = "", **more: Any) -> tuple[Ablation | None, EntryReader]:
    entry = Entry(title=title or part, parts=[part] if part else [], actions=[action], replacements=[*items], **more)
    reader = EntryReader(entry, "T", DIGITS.config, DIGITS)
    return reader.read(), reader


READINGS = [
    ("how finely the latent is patchified", "vary", ("4x4 patches", "8x8 patches"), "patch_size", (4, 8)),
    ("adaptive layer norm that injects time and label", "replaced", ("tokens in context",), "block", ("in-context",)),
    ("absolute positional embedding", "delete", (), "position", ()),
    ("sin-cos embeddings added to the patch tokens", "replace", ("RoPE (rotary)",), "position", ("rotary",)),
    ("final linear projection to noise", "replace", ("two-layer MLP",), "decoder", ("mlp",)),
    ("learning the reverse-process variance", "turn off", (), "variance", ()),
    ("DDPM noise-prediction objective", "swap", ("rectified flow (velocity)",), "objective", ("flow",)),
    ("distribution of training timesteps", "replace", ("logit-normal(0, 1)",), "timestep_sampling", ("logit-normal",)),
    ("timestep loss weights", "add", ("min-SNR-γ (γ=5)",), "loss_weighting", ("min-snr",)),
    ("layer normalisation", "substitute", ("RMSNorm (Zhang & Sennrich, 2019)",), "norm", ("rmsnorm",)),
    ("skip connections between shallow and deep layers", "add", (), "long_skips", (True,)),
    ("exponential moving average of model weights", "disable", (), "ema_decay", ()),
    ("guidance strength", "sweep", ("w ∈ {1.0, 1.5, 4.0}",), "guidance_scale", (1.0, 1.5, 4.0)),
    ("transformer depth", "reduced", ("7 → 5 → 3",), "depth", (7, 5, 3)),
    ("linear warmup of the learning rate", "add", ("1000 steps",), "warmup_images", (64_000,)),
    ("second-moment decay of Adam", "lower", ("β2 = 0.95",), "beta2", (0.95,)),
    ("share of the tokens masked in training", "add", ("50%", "25%"), "mask_ratio", (0.5, 0.25)),
]


@pytest.mark.parametrize(("part", "action", "items", "axis", "values"), READINGS, ids=[row[0] for row in READINGS])
def test_a_description_leads_to_its_axis(
    part: str, action: str, items: tuple[str, ...], axis: str, values: tuple[Any, ...]
) -> None:
    ablation, reader = read(part, action, *items)
    assert reader.not_understood == [] and ablation is not None
    assert (ablation.axis, ablation.values) == (axis, values)


@pytest.mark.parametrize(
    ("part", "items", "says"),
    [
        ("U-Net backbone", ("ADM",), "a U-Net or another backbone is another architecture"),
        ("VAE decoder", ("ft-MSE",), "its encoder and decoder are not the transformer's"),
        ("training iterations", ("400K", "800K"), "budget_images is the end and rungs"),
        ("timestep embedding", ("learned", "sinusoidal"), "how the timestep is embedded"),
        ("self-attention", ("linear attention",), "mixes tokens by full self-attention"),
        ("residual connections", (), "the axis gate_init"),
        ("text encoder", ("CLIP",), "there is no text"),
        ("flux capacitor", ("gigawatts",), "it names no axis that can be varied"),
    ],
)
def test_what_is_outside_of_every_axis_is_refused_for_what_it_is(part: str, items: tuple[str, ...], says: str) -> None:
    ablation, reader = read(part, "replace", *items)
    assert ablation is None and reader.question is None
    (reason,) = [item for item in reader.not_understood if not item.follows]
    assert says in reason.reason and reason.nearest == ()


@pytest.mark.parametrize(
    ("part", "action", "items"),
    [
        ("token mixing MLP", "replace", ("convolution",)),
        ("adaLN embedding dimension", "vary", ("128", "256")),
        ("every second block", "remove", ()),
        ("number of latent channels", "vary", ("4", "8")),
        ("scale of the initial noise", "shrink", ("0.9",)),
        ("query and key vectors", "replace", ("8 experts",)),
    ],
)
def test_what_only_sounds_like_an_axis_is_not_compiled(part: str, action: str, items: tuple[str, ...]) -> None:
    ablation, reader = read(part, action, *items)
    assert ablation is None
    assert any(not item.follows for item in reader.not_understood)


def test_an_uncertain_entry_is_asked_with_evidence_and_the_line_that_settles_it(tmp_path: Path) -> None:
    text = "## G\n- **Part**: scale\n- **Action**: change\n- **Options**: 1.5; 4.0\n{}\n"
    text += "## P\n- **Part**: patch size\n- **Options**: 4\n"
    path = tmp_path / "plan.md"
    path.write_text(text.format(""))
    plan = import_plan(path)
    (question,) = plan.questions
    assert question.ablation == "G" and set(question.candidates) >= {"guidance_scale", "size"}
    assert all(question.evidence) and 'write "Axis: guidance_scale"' in str(question)
    assert [ablation.name for ablation in plan.study.ablations] == ["P"] and plan.not_understood
    with pytest.raises(UserError, match="Axis: guidance_scale"):
        plan.require_complete()
    guessed = import_plan(path, accept_guesses=True)
    assert guessed.not_understood == () and [item.ablation for item in guessed.guesses] == ["G"]
    assert any("a guess" in phrase.meaning for phrase in guessed.understood)
    path.write_text(text.format("- **Axis**: guidance_scale"))
    settled = import_plan(path)
    assert settled.not_understood == () and settled.questions == ()
    assert [(item.axis, item.values) for item in settled.study.ablations] == [
        ("guidance_scale", (1.5, 4.0)),
        ("patch_size", (4,)),
    ]


def test_a_range_is_asked_for_what_lies_between() -> None:
    ablation, reader = read("class dropout", "vary", "between 0.2 and 0.5")
    assert ablation is None and reader.question is not None
    assert "values lie between 0.2 and 0.5" in reader.question.text
    change, _ = read("class dropout", "change", "from 0.1 to 0.5")  # 0.1 is the baseline's
    assert change is not None and change.values == (0.1, 0.5)


@pytest.mark.parametrize("label", ["A", "B", "S", "X", "Ablation B", "P.", "Study 3"])
def test_a_letter_is_no_value(label: str) -> None:
    ablation, reader = read("", "replace", "4", title=label)
    assert ablation is None and reader.not_understood


@pytest.mark.parametrize("word", ["none", "N/A", "nothing at all", "no replacement"])
def test_replace_with_nothing_is_remove(word: str) -> None:
    ablation, reader = read("learned sigma", "REPLACE", word)
    assert ablation is not None and (ablation.action, ablation.values) == ("REMOVE", ())
    assert not any("every known value" in phrase.meaning for phrase in reader.understood)
    missing, _ = read("normalisation layer", "REPLACE", word)
    assert missing is None


def test_nothing_beside_a_value_is_an_arm_of_its_own() -> None:
    ablation, _ = read("positional embedding", "replace or remove", "trainable vector per patch", "nothing at all")
    assert ablation is not None and ablation.values == ("learned", "none")


def test_an_action_that_names_its_part_again_names_no_value() -> None:
    ablation, _ = read("weight averaging", "remove the EMA")
    assert ablation is not None and (ablation.action, ablation.values) == ("REMOVE", ())
    switch, _ = read("queries and keys", "add QK-norm")
    assert switch is not None and (switch.action, switch.values) == ("ADD", (True,))


def test_both_arms_of_with_and_without() -> None:
    switch, _ = read("QK-norm", "with and without")
    there, _ = read("positional embedding", "on/off")
    never, reader = read("normalisation layer", "with and without")
    assert switch is not None and switch.values == (False, True)
    assert there is not None and there.values == ("none", "sincos")
    assert never is None and any("no arm without it" in item.reason for item in reader.not_understood)


def test_an_unknown_label_is_read_for_what_it_holds_or_stops_the_entry() -> None:
    values, reader = read("patch size", "replace", unknown=[("Foo", "4, 8")])
    assert values is not None and values.values == (4, 8)
    stops, reader = read("patch size", "replace", "4", unknown=[("Foo", "8")])
    assert stops is None and "is no label that is known here" in str(reader.not_understood)
    other, _ = read("patch size", "replace", "4", unknown=[("Depth", "3")])
    assert other is None
    remark, reader = read("patch size", "replace", "4", unknown=[("Foo", "cheap to do")])
    assert remark is not None and reader.entry.remarks == [("Foo", "cheap to do")]


def grid_of(part: str, action: str, *items: str) -> dict[str, tuple[Any, ...]]:
    ablation, reader = read(part, action, *items)
    assert ablation is not None and reader.not_understood == []
    return ablation.grid


def test_several_axes_become_a_grid() -> None:
    wanted = {"size": ("S", "B"), "patch_size": (4, 8)}
    assert grid_of("model size and patch size, jointly", "vary", "sizes S", "B", "patch sizes 4", "8") == wanted
    assert grid_of("transformer Gflops", "vary", "by the model size (S, B) and the patch size (4, 8)") == wanted
    assert grid_of("Gflops", "vary", "size = S", "size = B", "patch_size = 4", "patch_size = 8") == wanted
    assert grid_of("scaling", "vary", "DiT-S/4", "DiT-S/8", "DiT-B/4", "DiT-B/8") == wanted


def test_points_that_are_not_every_combination_change_their_axes_together() -> None:
    two, reader = read("sampler", "replace", "DDPM with 250 steps", "DDIM with 50 steps")
    assert two is not None and reader.question is None
    assert two.zip == {"sampler": ("ddpm", "ddim"), "sampling_steps": (250, 50)}
    models, _ = read(
        "joint choice of model size and patch size", "replace", "DiT-S/2 (~6 Gflops)", "DiT-B/4", "DiT-L/8"
    )
    assert models is not None and models.zip == {"size": ("S", "B", "L"), "patch_size": (2, 4, 8)}
    neither, _ = read("decoder and block", "replace", "linear")
    assert neither is None


def test_steps_that_add_up_become_a_ladder(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(
        "## Modern\n- **Part**: the block\n- **Action**: add cumulatively\n"
        "- **Replacement**:\n  - + QK-norm\n  - + SwiGLU\n  - + RoPE\n- **Metrics**: FID\n"
    )
    plan = import_plan(path)
    assert plan.not_understood == ()
    assert [step.set for step in plan.study.ladder] == [{"qk_norm": True}, {"mlp": "swiglu"}, {"position": "rotary"}]
    assert study_from_yaml(dump_study(plan.study)) == plan.study


def test_a_grid_among_the_ablations_is_a_study_file(tmp_path: Path) -> None:
    study = study_from_yaml(
        "name: g\nbaseline: digits\nablations:\n"
        "  - {name: one, grid: {patch_size: [2, 4], size: [S, XL]}}\n"
        "  - {name: two, grid: {depth: [3], norm: [rmsnorm]}}\n"
    )
    views = expand(study).ablations
    assert [(view.name, view.action, view.axis) for view in views] == [
        ("one", "GRID", "patch_size, size"),
        ("two", "GRID", "depth, norm"),
    ]
    assert len(views[0].arms) == 4
    assert study_from_yaml(dump_study(study)) == study
    with pytest.raises(UserError, match="an ablation has a grid, or an axis with action and values"):
        Ablation(name="x", grid={"patch_size": (2,)}, values=(4,))


def test_the_study_file_says_in_place_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(
        "## One\n- **Part**: patch size\n- **Options**: 4\n## Two\n- **Part**: VAE decoder\n- **Action**: remove\n"
        "## Three\n- **Part**: decoder\n- **Options**: conv\n## Four\n- **Part**: dreams\n- **Action**: remove\n"
    )
    plan = import_plan(path)
    text = plan.with_comments(dump_study(plan.study))
    at = [text.index(word) for word in ("name: One", "# Left out: Two:", "name: Three", "# Left out: Four:")]
    assert at == sorted(at)
    file = tmp_path / "study.yaml"
    file.write_text(text)
    assert load_study(file) == plan.study


def test_a_plan_of_open_questions_is_shown_and_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text("## One\n- **Part**: scale\n- **Action**: change\n- **Options**: 1.5\n")
    plan = import_plan(path)
    assert plan.unsettled and [item.ablation for item in plan.questions] == ["One"]
    assert [item.axis for item in plan.study.ablations] == ["guidance_scale"]
    for skip in (False, True):
        with pytest.raises(UserError, match="settle it with"):
            plan.require_complete(skip_unknown=skip)


def test_nothing_understood_still_has_its_account(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text("## One\n- **Part**: dreams\n- **Action**: change\n- **Options**: 1.5\n")
    with pytest.raises(NothingUnderstood) as error:
        import_plan(path)
    data = error.value.to_json()
    assert data["study"] is None and data["ready"] is False and error.value.incomplete
    assert data["not_understood"][0]["text"] == "dreams"


def test_every_axis_is_found_by_its_own_name() -> None:
    for axis in all_axes():
        entry = Entry(title="T", parts=[axis.title], actions=["replace"])
        ablation = EntryReader(entry, "T", DIGITS.config, DIGITS).read()
        assert ablation is not None and ablation.axis == axis.name


def test_the_documentation_shows_what_is_said(tmp_path: Path) -> None:
    """But for the figures, which change with every axis that joins in."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "plans.md").read_text()
    plan, said = (text.split(f"```{kind}\n")[1].split("```")[0] for kind in ("markdown", "text"))
    path = tmp_path / "plan.md"
    path.write_text(plan)
    imported = import_plan(path)
    lines = [*map(str, imported.understood), *map(str, imported.questions)]

    def head(line: str) -> str:
        return line.split(", from ")[0].split(" (")[0]

    assert [line for line in said.splitlines() if head(line) not in map(head, lines)] == []


OWNED = ["learning rate of the discriminator", "the discriminator's learning rate", "depth of the U-Net",
         "number of layers in the text encoder", "dropout in the VAE", "batch size for FID features"]  # fmt: skip


@pytest.mark.parametrize("part", OWNED)
def test_what_belongs_to_something_else_is_refused(part: str) -> None:
    found, reader = read(part, "replace", "0.5")
    assert found is None
    assert reader.question is None


IN_THE_PART = [("--patch-size 4", "patch_size", (4,)), ("depth to 3 blocks", "depth", (3,)),
               ("label dropout probability 0, 0.2", "class_dropout", (0.0, 0.2))]  # fmt: skip


@pytest.mark.parametrize(("part", "axis", "values"), IN_THE_PART)
def test_a_number_in_the_part_is_its_value(part: str, axis: str, values: tuple[Any, ...]) -> None:
    reader = EntryReader(Entry(parts=[part]), "T", DIGITS.config, DIGITS)
    found = reader.read()
    assert found is not None
    assert (found.axis, found.values) == (axis, values)


def test_a_number_in_the_part_that_is_not_understood_is_asked() -> None:
    found, reader = read("patch size of 4 for 30 runs", "vary")
    assert found is None
    assert reader.question is not None


ABSENT = [("averaging of the weights", "raw weights instead of the average", "ema_decay", 0.0),
          ("label dropout", "labels are never dropped", "class_dropout", 0.0),
          ("gradient clipping", "unclipped gradients", "gradient_clip", 0.0)]  # fmt: skip


@pytest.mark.parametrize(("part", "text", "axis", "value"), ABSENT)
def test_an_axis_lists_how_people_say_that_it_is_not_there(part: str, text: str, axis: str, value: float) -> None:
    from search_spaces.axes import AXES
    from search_spaces.plan_import.values import read_values

    assert read_values(text, AXES.get(axis), DIGITS.config, DIGITS)[0] == (value,)


def test_a_shared_name_is_asked_whatever_stands_beside_it() -> None:
    found, reader = read("Dropout rate", "replace", "0.2")
    assert found is None
    assert reader.question is not None
    assert {"dropout", "class_dropout"} <= set(reader.question.candidates)


def test_every_line_of_a_list_that_speaks_of_an_axis_becomes_an_entry(tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text("- w/o EMA — FID\n- w/o positional embeddings — FID\n- *MLP activation:* GELU vs. SwiGLU. FID.\n")
    imported = import_plan(plan)
    assert [(a.axis, a.action) for a in imported.study.ablations] == [
        ("ema_decay", "REMOVE"), ("position", "REMOVE"), ("mlp", "REPLACE")]  # fmt: skip
    assert not imported.not_understood


def test_digits_without_end_are_no_number() -> None:
    from search_spaces.plan_import.numerals import numbers_in

    assert numbers_in("9" * 5_000) == []
    found, _ = read("patch size", "replace", "9" * 5_000)
    assert found is None


@pytest.mark.parametrize(
    ("title", "part", "items", "axis", "values"),
    [
        (
            "U-Net Inductive Bias",
            "Isotropic layer stack",
            ("Long skip connections (as in U-ViT)",),
            "long_skips",
            (True,),
        ),
        (
            "Is a UNet's secret its shape?",
            "The plain trunk",
            ("skips from early to late blocks",),
            "long_skips",
            (True,),
        ),
        ("Sharp logits", "Self-attention in every block", ("QK-norm",), "qk_norm", (True,)),
        (
            "Scratch space",
            "Input tokens",
            ("8 learnable registers (dropped before the final layer)",),
            "registers",
            (8,),
        ),
        (
            "Scratch",
            "patch sequence",
            ("16 registers, appended to the tokens and cut off at the head",),
            "registers",
            (16,),
        ),
    ],
)
def test_what_is_added_is_told_by_its_values_and_its_part_is_the_place(
    title: str, part: str, items: tuple[str, ...], axis: str, values: tuple[Any, ...]
) -> None:
    ablation, reader = read(part, "ADD", *items, title=title)
    assert ablation is not None and reader.not_understood == []
    assert (ablation.axis, ablation.action, ablation.values) == (axis, "ADD", values)


@pytest.mark.parametrize(
    ("part", "item"),
    [
        ("the VAE encoder", "long skip connections"),
        ("the first half of the trunk", "QK-norm"),
        ("layers 1 to 3", "QK-norm"),
        ("the discriminator", "QK-norm"),
        ("in-context conditioning", "long skip connections"),
        ("Isotropic layer stack", "long skip connections and a convolutional stem"),
        ("Input tokens", "8 registers, dropped after block 14"),
        ("MLP of each block", "dropout of 0.1"),
        ("feed-forward network", "dropout 0.2"),
    ],
)
def test_what_is_added_elsewhere_or_to_a_share_is_not_settled(part: str, item: str) -> None:
    _, reader = read(part, "ADD", *split_items(item), title="Dropout" if "dropout" in item else "Does it help?")
    assert any(not missed.follows for missed in reader.not_understood)


@pytest.mark.parametrize(
    ("part", "action", "values"),
    [
        ("β schedule", "REPLACE (linear, 1e-4 to 2e-2 → cosine; sigmoid)", ("cosine", "sigmoid")),
        ("noise schedule", "swap (linear from 1e-4 to 0.02 -> cosine)", ("cosine",)),
        ("noise schedule", "REPLACE (linear, 1e-3 to 0.05 → cosine)", None),
        ("noise schedule", "REPLACE (cosine, 1e-4 to 2e-2 → sigmoid)", None),
    ],
)
def test_the_numbers_of_what_is_there_are_no_values(part: str, action: str, values: tuple[str, ...] | None) -> None:
    ablation, reader = read(part, action)
    assert (ablation is not None and ablation.values == values) if values else reader.not_understood


@pytest.mark.parametrize(
    ("items", "understood"),
    [
        (("4", "as compared to the paper's default p = 2"), True),
        (("4", "relative to the baseline's 3"), False),
    ],
)
def test_what_a_value_is_compared_with_is_there(items: tuple[str, ...], understood: bool) -> None:
    _, reader = read("patch size", "REPLACE", *items)
    assert (not reader.not_understood) is understood


@pytest.mark.parametrize(
    ("clause", "understood"),
    [
        ("so that each layer is an ordinary residual layer at iteration 0", True),
        ("which makes every block a residual block after iteration 5000", False),
    ],
)
def test_a_clause_may_speak_of_the_beginning_and_of_no_later_time(clause: str, understood: bool) -> None:
    _, reader = read("gate initialisation", "REPLACE", "ones", clause, continued={1})
    assert (not reader.not_understood) is understood
