"""``dit-ablate export``: a trial of a real store becomes a file of the paper's code or a pipeline of diffusers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_study import dit_ablate, overrides, write_study

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.events import CurvePoint
from dit_core.interop.diffusers import match_timesteps
from dit_core.interop.initial import load
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import LAYOUTS
from dit_core.training.checkpoint import Checkpoints, read
from service import Client
from service.records.store import Store
from service.records.study_files import read_definition

BATCH = 32
FIELDS = {"model__mlp_ratio": 4.0, "training__ema_decays": [0.9, 0.5]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two arms and a rung, trained."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("export")
    blocks = [{"axis": "block", "values": ["adaln"]}]
    kept: dict[str, Any] = {"policy": "none", "keep_checkpoints": "all"}
    study = write_study(folder, ablations=blocks, baseline=overrides(**FIELDS), seeds=[0, 1], **kept)
    assert dit_ablate("run", study, "--executor", "local", "--store", folder / "store").exit_code == 0
    return folder / "store"


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random autoencoder whose latents have the network's one channel."""
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vae")
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=1, **kinds).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def rescaled(vae: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but it says that its latents are scaled otherwise."""
    path = tmp_path_factory.mktemp("rescaled") / "vae"
    shutil.copytree(vae, path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "scaling_factor": 0.5}))
    return path


def weights(store: Path, images: int, prefix: str, seed: int = 0) -> tuple[dict[str, torch.Tensor], DiT]:
    """What a checkpoint of the baseline holds, and its network, straight from the store."""
    opened = Store(store)
    (name,) = opened.studies()
    train_id = read_definition(opened, name).train_ids[f"baseline seed={seed}"]
    path = Checkpoints(opened.trial_dir(train_id) / "checkpoints").path(images)
    tensors = {key.removeprefix(prefix): t for key, t in read(path, images).items() if key.startswith(prefix)}
    config = json.loads((opened.trial_dir(train_id) / "trial.json").read_bytes())["content"]["config"]["model"]
    model = DiT(ModelConfig.model_validate(config)).eval()
    model.load_state_dict(tensors)
    return tensors, model


@pytest.mark.parametrize(
    ("options", "images", "prefix", "seed"),
    [
        ((), 128, "ema.0.9.", 0),
        (("--ema", "0.5"), 128, "ema.0.5.", 0),
        (("--raw", "--images", "64"), 64, "model.", 0),
        (("--seed", "1", "--arm", "baseline"), 128, "ema.0.9.", 1),
    ],
)
@pytest.mark.parametrize("name", ["out.pt", "out.safetensors"])
def test_official_files_hold_the_weights_asked_for(
    options: tuple[str, ...], images: int, prefix: str, seed: int, name: str, store: Path, tmp_path: Path
) -> None:
    done = dit_ablate(
        "export", "tiny", "--layout", "official", "--to", tmp_path / name, "--json", "--store", store, *options
    )
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert shown["images"] == images and shown["path"] == str(tmp_path / name)
    expected, model = weights(store, images, prefix, seed)
    if name.endswith(".pt"):  # as the paper's sample.py reads it
        assert set(torch.load(tmp_path / name, weights_only=True)) == set(LAYOUTS.get("official").from_ours(expected))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(float(not parameter.requires_grad))
    load(model, str(tmp_path / name))
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[key]), key


def test_a_pipeline_opens_and_samples(store: Path, vae: Path, tmp_path: Path) -> None:
    from diffusers import DiTPipeline

    folder = tmp_path / "pipeline"
    done = dit_ablate("export", "tiny", "--to", folder, "--vae", vae, "--store", store)
    assert done.exit_code == 0, done.output
    assert "EMA 0.9 weights after 128 images" in done.stdout and "divides the timestep frequencies" in done.stderr
    pipeline = DiTPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    for scale in (1.0, 4.0):  # guidance asks for label 1000 as the null class
        generator = torch.Generator().manual_seed(0)
        images = pipeline([1, 2, 3], guidance_scale=scale, num_inference_steps=5, generator=generator, output_type="np")
        assert images.images.shape == (3, 16, 16, 3) and images.images.std() > 0
    trained = Diffusion(DiffusionConfig(beta_end=0.01)).alphas_cumprod  # those of the digits profile, not the paper's
    torch.testing.assert_close(pipeline.scheduler.alphas_cumprod, trained.float())
    assert not pipeline.scheduler.config.clip_sample

    _, model = weights(store, 128, "ema.0.9.")
    match_timesteps(pipeline.transformer)
    x, t = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 10, 500, 999])
    with torch.no_grad():
        for given, null in ((torch.tensor([0, 5, 9, 10]), None), (torch.full((4,), 10), torch.full((4,), 1000))):
            expected = model(x, t, given)
            found = pipeline.transformer(x, timestep=t, class_labels=given if null is None else null).sample
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert expected.std() > 1e-3
    load(model, str(folder))  # and back again, null classes taken off
    assert model.y_embedder.embedding_table.weight.shape[0] == 11
    record = json.loads((folder / "transformer" / "dit_ablate.json").read_text())
    assert (record["study"], record["arm"], record["seed"], record["num_classes"]) == ("tiny", "baseline", 0, 10)


def test_without_a_vae_there_is_a_transformer(store: Path, tmp_path: Path) -> None:
    from diffusers import DDIMScheduler, DiTTransformer2DModel

    result = Client(store).export("tiny", tmp_path / "parts", layout="diffusers", seed=1)
    assert "no DiTPipeline" in " ".join(result.notes)
    assert DiTTransformer2DModel.from_pretrained(tmp_path / "parts" / "transformer").config.out_channels == 2
    assert DDIMScheduler.from_pretrained(tmp_path / "parts" / "scheduler").config.timestep_spacing == "leading"
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {"transformer", "scheduler"}


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "another arm": ({"--arm": "block=adalm"}, ("arm", "did you mean 'block=adaln'")),
    "another seed": ({"--seed": 7}, ("seed", "7", "allowed: 0, 1")),
    "no such checkpoint": ({"--images": 100}, ("images", "100", "allowed: 64, 128")),
    "no such average": ({"--ema": 0.7}, ("ema", "0.7", "0.9, 0.5")),
    "two kinds of weights": ({"--ema": 0.5, "--raw": None}, ("--raw", "--ema")),
    "a network no layout holds": ({"--arm": "block=adaln"}, ("diffusers", "model.block=adaln", "adaln-zero only")),
    "no file name": ({"--layout": "official", "--to": "there"}, ("to", "there", ".pt or .safetensors")),
    "a place that is taken": ({"--to": "."}, ("to", "already there")),
    "a place where nothing can be written": ({"--to": "/proc/none/x"}, ("to", "cannot write /proc/none/x")),
    "a folder that is a file": ({"--to": "/dev/null/x"}, ("to", "cannot write /dev/null/x")),
    "a name that is too long": ({"--to": "y" * 256}, ("to", "cannot write", "File name too long")),
    "a VAE that does not fit": ({"--vae": "VAE"}, ("data.vae_scale", "0.5")),
    "another study": ({"STUDY": "tony"}, ("study", "did you mean 'tiny'")),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_exported_is_said_in_one_sentence(
    name: str, store: Path, rescaled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, says = WRONG[name]
    (tmp_path / "taken").write_text("something")
    monkeypatch.chdir(tmp_path)
    options = {"--to": "out", **changes}
    if "--vae" in options:
        options["--vae"] = rescaled
    study = options.pop("STUDY", "tiny")
    arguments = [item for pair in options.items() for item in pair if item is not None]
    done = dit_ablate("export", study, "--store", store, *arguments)
    assert done.exit_code == 2, done.output
    sentence = done.stderr.strip()
    assert sentence.startswith("error: ") and "\n" not in sentence
    for phrase in says:
        assert phrase in sentence, sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"], "nothing half-written is left"


@pytest.mark.slow
def test_a_study_starts_from_what_another_exported(store: Path, tmp_path: Path) -> None:
    released = tmp_path / "released.pt"
    assert dit_ablate("export", "tiny", "--layout", "official", "--to", released, "--store", store).exit_code == 0
    given = {**FIELDS, "training__initial_weights": str(released)}
    study = write_study(tmp_path, name="tuned", ablations=[{"axis": "learning_rate"}], baseline=overrides(**given))
    done = dit_ablate("run", study, "--executor", "local", "--seeds", "0", "--store", tmp_path / "store")
    assert done.exit_code == 0, done.output
    report = (tmp_path / "store" / "studies" / "tuned" / "report" / "report.md").read_text()
    assert f"Starts from the weights in {released}." in report
    scratch = {point.images: point.loss for point in curve(store, "tiny")}
    tuned = {point.images: point.loss for point in curve(tmp_path / "store", "tuned")}
    assert scratch.keys() == tuned.keys()
    first = min(scratch)
    assert tuned[first] < scratch[first], "the same batch, after 128 images more"
    released.unlink()  # what has been recorded does not need it
    status = dit_ablate("status", "tuned", "--store", tmp_path / "store")
    assert status.exit_code == 0, status.output + status.stderr


def curve(store: Path, study: str) -> list[CurvePoint]:
    """The training curve of a study's baseline at seed 0."""
    opened = Store(store)
    return opened.curve_points(read_definition(opened, study).train_ids["baseline seed=0"])


def test_weights_that_do_not_fit_are_refused_before_anything_trains(store: Path, tmp_path: Path) -> None:
    released = tmp_path / "released.safetensors"
    assert dit_ablate("export", "tiny", "--layout", "official", "--to", released, "--store", store).exit_code == 0
    fits = {**FIELDS, "training__initial_weights": str(released)}
    for changes, ablations, says in (
        ({**fits, "model__learn_sigma": False}, [{"axis": "patch_size", "values": [2, 4]}], "model.learn_sigma=True"),
        (fits, [{"axis": "block", "values": ["adaln"]}], "arm 'block=adaln': training.initial_weights"),
        (FIELDS | {"training__initial_weights": "gone.pt"}, [{"axis": "block"}], "there is nothing at gone.pt"),
    ):
        study = write_study(tmp_path, ablations=ablations, baseline=overrides(**changes))
        done = dit_ablate("run", study, "--executor", "local", "--store", tmp_path / "store")
        assert done.exit_code == 2, done.output
        sentence = done.stderr.strip()
        assert sentence.startswith("error: ") and "\n" not in sentence and says in sentence, sentence
        assert not (tmp_path / "store" / "trials").exists()
