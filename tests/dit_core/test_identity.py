"""What changes an identity and what does not, over every field, every default and every registered part."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any, get_args

import pytest
from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from dit_core import identity
from dit_core.base import Added, Config, Irrelevant
from dit_core.config import TrialConfig
from dit_core.model.config import ModelConfig
from dit_core.parts import BLOCKS, METRICS, NAMED_BY, BlockEntry
from dit_core.registry import Entry, Parts

BASE = TrialConfig.model_validate(
    {
        "evaluation": {"guidance_scale": 2.0, "guidance_interval": (0.1, 0.8)},  # or where guidance acts means nothing
        "training": {"initial_weights": "somewhere.pt"},
    }
)
SECTIONS = [name for name, value in BASE if isinstance(value, Config)]
FIELDS = [f"{section}.{field}" for section in SECTIONS for field in type(getattr(BASE, section)).model_fields]
STAND_INS = {"training.initial_weights": "its content stands for it", "data.vae": "part of eval_id alone"}
"""Fields that count by another way than their value in ``train_id``."""


def changed(field: str, value: Any, config: TrialConfig = BASE) -> TrialConfig:
    """Returns the config with a dotted field set, valid or not: identities look at values alone."""
    section, _, leaf = field.partition(".")
    return config.model_copy(update={section: getattr(config, section).model_copy(update={leaf: value})})


def get(config: TrialConfig, field: str) -> Any:
    section, _, leaf = field.partition(".")
    return getattr(getattr(config, section), leaf)


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case ():
            return (0.1,)
        case tuple():
            return (*value[:-1], other(value[-1]))
        case None:
            raise AssertionError("say of which kind")
        case _:
            return f"{value}?"


def another(field: str) -> Any:
    """Another value of a field; a name that is registered, where it names something."""
    value = get(BASE, field)
    if field in NAMED_BY:
        names = [name for name in NAMED_BY[field] if name not in (value or ())]
        return tuple(names[:1]) if isinstance(value, tuple) else next(name for name in reversed(names) if name != value)
    if value is None:
        return "another" if str in get_args(info(field).annotation) else 2
    return other(value)


def info(field: str) -> FieldInfo:
    section, _, leaf = field.partition(".")
    return type(getattr(BASE, section)).model_fields[leaf]


def ids(config: TrialConfig, metric: str = "fid") -> tuple[str, str]:
    """The two identities, with stand-ins for images and initial weights."""
    train = identity.train_id(config, "data", "weights")
    return train, identity.eval_id(train, 100, config, metric)


def irrelevant(field: str) -> bool:
    return any(isinstance(mark, Irrelevant) for mark in info(field).metadata)


def test_config_round_trips_through_json() -> None:
    config = changed("training.learning_rate", 3e-4, TrialConfig()).with_seed(7)
    assert TrialConfig.model_validate(json.loads(config.model_dump_json())) == config
    assert hash(config) == hash(TrialConfig.model_validate_json(config.model_dump_json()))


def test_equal_configs_have_one_identity() -> None:
    """-0.0 equals 0.0, 1 equals 1.0 and a list the tuple that it becomes."""

    def made(**training: Any) -> TrialConfig:
        evaluation = {"ema_decay": training["ema_decays"][0], "guidance_scale": 2, "guidance_interval": [-0.0, 1 / 2]}
        return TrialConfig.model_validate({"training": training, "evaluation": evaluation})

    one = made(learning_rate=1, weight_decay=-0.0, ema_decays=[-0.0, 0.5])
    other = made(learning_rate=1.0, weight_decay=0.0, ema_decays=(0.0, 0.5))
    other = other.model_copy(
        update={"evaluation": other.evaluation.model_copy(update={"guidance_interval": (0.0, 0.5)})}
    )
    assert one == other and ids(one) == ids(other)


def test_what_diverged_by_a_stricter_limit_is_another_trial() -> None:
    assert ids(changed("training.divergence_mse", 4.0)) == ids(BASE)
    assert ids(changed("training.divergence_mse", 100.0))[0] != ids(BASE)[0]


def test_the_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        BASE.seed = 3


def test_the_seed_the_data_and_the_content_of_initial_weights_matter() -> None:
    found = [
        identity.train_id(BASE, "data", "weights"),
        identity.train_id(BASE.with_seed(1), "data", "weights"),
        identity.train_id(BASE, "other data", "weights"),
        identity.train_id(BASE, "data", "other weights"),
        identity.train_id(changed("training.initial_weights", None), "data"),
    ]
    assert len(set(found)) == len(found)
    assert ids(changed("training.initial_weights", "elsewhere.pt")) == ids(BASE)


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in STAND_INS])
def test_a_field_changes_the_identity_unless_it_is_declared_irrelevant(field: str) -> None:
    (train, evaluation), (old_train, old_evaluation) = ids(changed(field, another(field))), ids(BASE)
    if field.startswith("evaluation."):
        assert train == old_train
        assert (evaluation == old_evaluation) == irrelevant(field)
    else:
        assert (train == old_train) == irrelevant(field)
        assert (evaluation == old_evaluation) == irrelevant(field)


def test_the_vae_is_part_of_the_measurement_alone() -> None:
    (train, evaluation), (old_train, old_evaluation) = ids(changed("data.vae", "another")), ids(BASE)
    assert train == old_train and evaluation != old_evaluation


def test_what_is_declared_irrelevant() -> None:
    """By name, so that nothing becomes irrelevant in passing."""
    assert {field for field in FIELDS if irrelevant(field)} == {
        "data.path", "data.corrupt", "data.vae", "data.features", "data.image_column", "data.label_column",
        "data.source_split",
        "training.log_every_steps", "training.micro_batch", "training.activation_checkpointing",
        "evaluation.metrics", "evaluation.batch_size", "evaluation.grid_images",
    }  # fmt: skip
    assert all(mark.because for field in FIELDS for mark in info(field).metadata if isinstance(mark, Irrelevant))


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in STAND_INS])
def test_a_changed_default_changes_the_identity_of_what_is_made_with_defaults(field: str) -> None:
    section, _, leaf = field.partition(".")
    kind = type(getattr(BASE, section))
    value, declared = another(field), info(field)
    annotation = Annotated[(declared.annotation, Field(), *declared.metadata)]
    now = create_model(kind.__name__, __base__=kind, **{leaf: (annotation, value)})
    kept = {name: item for name, item in getattr(BASE, section) if name != leaf}
    made = BASE.model_copy(update={section: now.model_construct(**kept)})
    assert get(made, field) == value
    assert (ids(made) == ids(BASE)) == irrelevant(field)


class Later(ModelConfig):
    """A model config of a later version: a field more, whose default is not what was before."""

    window: Annotated[int | None, Added(as_before=None)] = Field(7, gt=0)


def test_a_field_added_later_keeps_the_identity_while_it_means_as_before() -> None:
    def made(kind: type[ModelConfig], **values: Any) -> tuple[str, str]:
        return ids(BASE.model_copy(update={"model": kind(**values)}))

    assert made(Later, window=None) == ids(BASE)
    assert made(Later) != ids(BASE)  # the default is not "as before"
    assert made(Later) == made(Later, window=7) != made(Later, window=8)
    assert made(Later, window=None, depth=3) == ids(changed("model.depth", 3))

    class Evenlater(Later):
        window: Annotated[int | None, Added(as_before=None)] = None  # another default, the same meaning

    assert made(Evenlater) == ids(BASE) and made(Evenlater, window=7) == made(Later)


def test_a_section_added_later_keeps_it_too() -> None:
    class Text(Config):
        encoder: Annotated[str | None, Added(as_before=None)] = None

    class LaterTrial(TrialConfig):
        text: Text = Text()

    values = dict(BASE)
    assert ids(LaterTrial.model_construct(**values, text=Text())) == ids(BASE)
    assert ids(LaterTrial.model_construct(**values, text=Text(encoder="t5"))) != ids(BASE)


def using(field: str, name: str) -> tuple[str, str]:
    if field == "evaluation.metrics":
        return ids(BASE, name)
    return ids(changed(field, name))


ALL_PARTS = [(field, name) for field, parts in NAMED_BY.items() for name in parts]


def users(parts: Parts[Any, Any], name: str) -> set[str]:
    """The parts that run the code of ``name``, itself included."""
    found = {name}
    while more := {other for other in parts if found & set(parts.about(other).uses)} - found:
        found |= more
    return found


@pytest.mark.parametrize(("field", "name"), ALL_PARTS)
def test_a_raised_version_changes_what_uses_the_part_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, field: str, name: str
) -> None:
    parts = NAMED_BY[field]
    before = {other: using(field, other) for other in parts}
    monkeypatch.setitem(parts._items, name, replace(parts.about(name), numerics=parts.about(name).numerics + 1))
    for other, (old_train, old_evaluation) in before.items():
        train, evaluation = using(field, other)
        concerned = other in users(parts, name)
        assert (train != old_train) == (concerned and not field.startswith("evaluation."))
        assert (evaluation != old_evaluation) == concerned


def test_muon_has_the_version_of_adamw_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves to AdamW what is no matrix of a block."""
    parts = NAMED_BY["training.optimizer"]
    assert users(parts, "adamw") == {"adamw", "muon"} and users(parts, "muon") == {"muon"}
    assert users(METRICS, "precision") == {"precision", "recall"}


def test_a_first_version_is_not_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a kind of part that configs come to name later renames nothing."""
    before = ids(BASE)
    monkeypatch.setitem(NAMED_BY, "training.precision", Parts("precision", {"float32": Entry("nowhere:nothing")}))
    assert ids(BASE) == before
    monkeypatch.setitem(
        NAMED_BY, "training.precision", Parts("precision", {"float32": Entry("nowhere:nothing", numerics=2)})
    )
    assert ids(BASE) != before


def test_the_core_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    train, evaluation = ids(BASE)
    monkeypatch.setattr(identity, "EVALUATION_NUMERICS_VERSION", identity.EVALUATION_NUMERICS_VERSION + 1)
    assert ids(BASE)[0] == train and ids(BASE)[1] != evaluation
    monkeypatch.setattr(identity, "NUMERICS_VERSION", identity.NUMERICS_VERSION + 1)
    assert ids(BASE)[0] != train


def test_code_from_outside_is_known_by_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BLOCKS, "_items", dict(BLOCKS._items))
    before = ids(BASE)
    mine = BlockEntry("some_plugin:Block", source="a" * 64)
    BLOCKS.add("mine", mine)
    assert ids(BASE) == before
    outside = changed("model.block", "mine")
    first = ids(outside)
    monkeypatch.setitem(BLOCKS._items, "mine", replace(mine, source="b" * 64))
    assert ids(outside)[0] != first[0] and ids(outside)[1] != first[1]
    assert ids(BASE) == before
    monkeypatch.setitem(BLOCKS._items, "mine", replace(mine, path="moved.elsewhere:Block"))
    assert ids(outside) == first  # what it is, not where


def test_a_metric_that_nobody_here_knows_has_an_identity() -> None:
    """Records of metrics that came from outside are read where that code is not."""
    assert ids(BASE, "of_somebody")[1] != ids(BASE)[1]


def test_eval_id_depends_on_the_images() -> None:
    assert identity.eval_id("train", 100, BASE, "fid") != identity.eval_id("train", 200, BASE, "fid")
