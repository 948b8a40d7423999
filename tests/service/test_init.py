"""A folder of images becomes a study that plans and runs; what does not fit it is said all at once."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image, ImageDraw
from tiny_study import dit_ablate

from dit_core.config import TrialConfig
from dit_core.data import DataConfig, load_dataset
from dit_core.errors import UserError, parse
from dit_core.metrics.config import EvaluationConfig
from dit_core.metrics.features.data_cnn import load_network, network_of
from dit_core.parts import METRICS
from service.client import Client
from service.engine import run_segments
from service.first_study.init import write_first_study
from service.first_study.survey import survey

SHAPES = ("circle", "square", "triangle")
EACH = 50


def draw(shape: str, number: int) -> Image.Image:
    rng = random.Random(f"{shape} {number}")
    image = Image.new("RGB", (20, 24), tuple(rng.randrange(60) for _ in range(3)))
    pen, colour = ImageDraw.Draw(image), tuple(rng.randrange(120, 256) for _ in range(3))
    x, y, r = rng.randrange(2, 7), rng.randrange(4, 9), rng.randrange(8, 11)
    if shape == "circle":
        pen.ellipse((x, y, x + r, y + r), fill=colour)
    elif shape == "square":
        pen.rectangle((x, y, x + r, y + r), fill=colour)
    else:
        pen.polygon([(x, y + r), (x + r // 2, y), (x + r, y + r)], fill=colour)
    return image


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two splits of coloured shapes, one image grey and one torn."""
    folder = tmp_path_factory.mktemp("images") / "Coloured shapes"
    for split, count in (("train", EACH), ("val", 2)):
        for shape in SHAPES:
            (folder / split / shape).mkdir(parents=True)
            for number in range(count):
                draw(shape, number).save(folder / split / shape / f"{number}.png")
    draw("circle", 99).convert("L").save(folder / "train" / "circle" / "grey.png")
    (folder / "train" / "square" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    return folder


@pytest.mark.slow
def test_a_folder_becomes_a_study_that_runs(shapes: Path, tmp_path: Path) -> None:
    path, store = tmp_path / "shapes.yaml", tmp_path / "store"
    done = dit_ablate("init", shapes, "--to", path, "--hours", 0.5, env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.stderr
    assert "151 images, 3 classes of 50 to 51 images" in done.stdout
    assert "Sizes: 20x24 (151); modes: RGB, L" in done.stdout or "modes: L, RGB" in done.stdout
    assert "square/torn.png" in done.stdout and "train is taken; val is left out" in done.stdout
    assert f"Next: dit-ablate plan {path}" in done.stdout
    study = yaml.safe_load(path.read_text())
    assert study["primary_metric"] == "fd_coloured_shapes_cnn" and study["baseline"]["profile"] == "pixels-16"
    assert study["budget_images"] % 256 == 0 and study["rungs"] == [study["budget_images"] // 4 * n for n in (1, 2)]
    again = dit_ablate("init", shapes, "--to", path)
    assert again.exit_code == 2 and "is there already" in again.stderr

    planned = dit_ablate("plan", path, "--store", store, "--json")
    assert planned.exit_code == 0 and json.loads(planned.stdout)["blocker"] is None
    tiny = {"evaluation.num_samples": 64, "evaluation.sampling_steps": 2, "training.log_every_steps": 1}
    session = Client(store=store).start(path, seeds=(0,), budget_images=128, rungs=(), settings=tiny)
    session._write_files("dit-ablate run", session.prepared.train_ids)
    run_segments(session.prepared, session.store, executor="local")
    result = Client(store=store).status("coloured-shapes")
    assert result.done and set(result.evaluations["metric"]) == {"fd_coloured_shapes_cnn"}
    assert (result.evaluations["value"] > result.evaluations["floor"]).all(), "two steps draw no shapes"


@pytest.mark.slow
def test_the_network_is_the_data_s_own(shapes: Path) -> None:
    data = DataConfig(name="image-folder", path=str(shapes / "train"), image_size=16, corrupt="skip")
    dataset = load_dataset(data)
    name = network_of(dataset)
    assert network_of(dataset) == name and len(name) == 16
    features = load_network(name, torch.device("cpu"))
    about = features.about("features")
    assert about["classifier_task"] == "3 classes" and about["classifier_held_out_accuracy"] > 0.7
    other = load_dataset(data.model_copy(update={"split_seed": 1}))
    assert network_of(other, steps=5) != network_of(dataset, steps=5), "it learns from the training split only"

    config = TrialConfig.model_validate(
        {
            "data": data.model_dump(),
            "evaluation": {"metrics": "fd_shapes_cnn", "feature_network": name, "num_samples": 64},
        }
    )
    metric = METRICS.get("fd_shapes_cnn")
    metric.check(config, dataset)

    def score(images: torch.Tensor) -> float:
        scored = metric(config, dataset, torch.device("cpu"))
        scored.update(images)
        result = scored.result()
        assert result.name == "fd_shapes_cnn" and result.details["features"] == f"small CNN {name}"
        return result.value

    real = torch.cat(list(dataset.reference("train")))
    blurred = torch.nn.functional.avg_pool2d(real.float(), 5, 1, 2).to(torch.uint8)
    assert score(real) < 1e-3 < score(blurred)
    with pytest.raises(UserError, match="it looks at 16x16 images with 3 channels, but the data set 'digits' has 8x8"):
        metric.check(config, load_dataset(DataConfig()))


def test_unlabelled_images_teach_by_rotation(shapes: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((shapes / "train" / "triangle").glob("*.png")) * 2):
        (tmp_path / f"{number}.png").write_bytes(path.read_bytes())
    dataset = load_dataset(DataConfig(name="image-folder", path=str(tmp_path), image_size=16))
    about = load_network(network_of(dataset, steps=30), torch.device("cpu")).about("features")
    assert dataset.num_classes == 0 and about["classifier_task"] == "rotations by quarters"


def test_a_network_that_is_not_here_is_said_to_be_elsewhere(shapes: Path) -> None:
    config = {"evaluation": {"metrics": ["fd_shapes_cnn"], "feature_network": "0" * 16}}
    with pytest.raises(UserError, match=r"the network '0{16}' is not in this machine's cache; copy 0{16}\.safetensors"):
        METRICS.get("fd_shapes_cnn").check(TrialConfig.model_validate(config), load_dataset(DataConfig()))
    with pytest.raises(UserError, match=r"'\.\./x' is no hash of a network"):
        parse(EvaluationConfig, {"feature_network": "../x"})
    with pytest.raises(UserError, match=r"evaluation\.feature_network: missing, and fd_shapes_cnn compares"):
        METRICS.get("fd_shapes_cnn").check(TrialConfig(), load_dataset(DataConfig()))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("./nowhere", "init: there is no folder './nowhere'"),
        (__file__, "is a file; give the folder of the images"),
        ("digits", "come along with a study of their own: `dit-ablate plan dit-digits`"),
    ],
)
def test_what_is_no_data_set_is_said_in_a_sentence(given: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        survey(given)


def test_few_images_are_too_few(tmp_path: Path) -> None:
    for number in range(12):
        draw("circle", number).save(tmp_path / f"{number}.png")
    with pytest.raises(UserError, match="12 images are too few to compare with; 100 or more are needed"):
        write_first_study(str(tmp_path), to=tmp_path / "study.yaml")
    with pytest.raises(UserError, match="--image-size: 17 given; of pixels there are ladders for 16, 32, 64"):
        write_first_study(str(tmp_path), image_size=17, to=tmp_path / "study.yaml")


@pytest.mark.slow
def test_latents_are_made_beside_the_study(shapes: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    model = AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=2, scaling_factor=0.5, **kinds)
    model.save_pretrained(tmp_path / "vae")
    made = write_first_study(str(shapes), vae=str(tmp_path / "vae"), image_size=16, to=tmp_path / "latent.yaml")
    overrides = made.study["baseline"]["overrides"]
    assert made.study["baseline"]["profile"] == "small-latents"
    assert (overrides["model.input_size"], overrides["model.in_channels"], overrides["model.num_classes"]) == (8, 2, 3)
    preview = Client(store=tmp_path / "store").plan(made.path)
    assert preview.blocker is None and survey(overrides["data.path"]).count == made.survey.count


def test_what_does_not_fit_comes_at_once_with_one_line(shapes: Path, tmp_path: Path) -> None:
    settings = {"data.name": "image-folder", "data.path": str(shapes / "val"), "data.image_size": 16}
    client = Client(store=tmp_path / "store")
    blocker = client.plan("dit-digits", settings=settings).blocker
    assert blocker is not None
    line = "--set model.input_size=16 --set model.in_channels=3 --set model.num_classes=3"
    assert blocker.endswith(f"what fits the data: {line}") and "evaluation.metrics: fd_digits_cnn scores" in blocker
    more = dict(part.split("=") for part in line.split("--set ")[1:])
    mended = client.plan("dit-digits", settings={**settings, **{k: int(v) for k, v in more.items()}}).blocker
    assert mended is not None and "model." not in mended and "dit-ablate init" in mended


def test_one_will_do_for_a_list() -> None:
    assert EvaluationConfig.model_validate({"metrics": "fid"}).metrics == ("fid",)
    preview = Client().plan("dit-digits", settings={"evaluation.metrics": "fd_digits_cnn"})
    assert preview.blocker is None


def test_what_is_not_there_is_one_plain_sentence_with_the_nearest_folder(
    shapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shapes.parent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    near = f"{shapes.name}x"
    with pytest.raises(
        UserError, match=rf"^init: '{near}' is no folder here.* did you mean '{shapes.name}'\?$"
    ) as told:
        survey(near)
    assert "Error" not in str(told.value) and "None" not in str(told.value)
