"""Find out what matters in a Diffusion Transformer: ablation studies on Ray, recorded in MLflow.

::

    from dit_ablate import Ablation, Baseline, Client, Study

    study = Study(name="first", baseline=Baseline(profile="digits"), ablations=[Ablation(axis="patch_size")])
    client = Client(store="my-store")
    print(client.plan(study))
    print(client.run(study).arms)

What is here is what people use; it comes from the packages ``dit_core``, ``search_spaces`` and ``service``, and is
imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dit_core.errors import UserError
    from search_spaces.load import dump_study, load_study
    from search_spaces.study import Ablation, Baseline, LadderStep, PolicySpec, Resources, Study
    from service.analysis.preview import Preview
    from service.analysis.study_result import StudyResult
    from service.client import Client
    from service.jobs.job import Job
    from service.simulation.simulate import Simulated

__version__ = version("dit-ablate")

_FROM = {
    "Ablation": "search_spaces.study",
    "Baseline": "search_spaces.study",
    "Client": "service.client",
    "Job": "service.jobs.job",
    "LadderStep": "search_spaces.study",
    "PolicySpec": "search_spaces.study",
    "Preview": "service.analysis.preview",
    "Resources": "search_spaces.study",
    "Simulated": "service.simulation.simulate",
    "Study": "search_spaces.study",
    "StudyResult": "service.analysis.study_result",
    "UserError": "dit_core.errors",
    "dump_study": "search_spaces.load",
    "load_study": "search_spaces.load",
}

__all__ = [
    "Ablation",
    "Baseline",
    "Client",
    "Job",
    "LadderStep",
    "PolicySpec",
    "Preview",
    "Resources",
    "Simulated",
    "Study",
    "StudyResult",
    "UserError",
    "__version__",
    "dump_study",
    "load_study",
]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
