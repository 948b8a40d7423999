"""``dit-ablate run``."""

from __future__ import annotations

from pathlib import Path

from dit_core.errors import UserError
from service.cli.asking import AskAboveOption, YesOption
from service.cli.options import (
    STORE_DEFAULT,
    AcceptGuessesOption,
    AddressOption,
    BudgetOption,
    JsonOption,
    PluginOption,
    ProfileOption,
    RungsOption,
    SeedsOption,
    SetOption,
    SkipUnknownOption,
    StoreOption,
    StudyArgument,
    TrackingOption,
    TrustOption,
    choices,
    refuse_dashboard,
)
from service.cli.running import Executor, ExecutorOption, run_session
from service.cli.trusting import asking_for_trust
from service.executors import refuse_unused_address


def run(
    study: StudyArgument,
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    address: AddressOption = None,
    executor: ExecutorOption = Executor.ray,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    skip_unknown: SkipUnknownOption = False,
    accept_guesses: AcceptGuessesOption = False,
    plugin: PluginOption = None,
    trust: TrustOption = False,
    ask_above: AskAboveOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Run a study: train, evaluate, stop weak arms early, record everything in MLflow, write the report.

    Only what the store does not hold yet is run. So the same command continues after a crash or a stop, and a longer
    budget, one more seed or a second study that shares arms costs only the difference.

    Ctrl-C once: checkpoint, then end. Ctrl-C twice: end now.

    [bold]Examples[/]

    dit-ablate run dit-digits

    dit-ablate run my-plan.md --seeds 0,1,2 --set training.learning_rate=0.001

    dit-ablate run study.yaml --address head:6379 --tracking-uri http://mlflow:5000
    """
    from service.cli.count_apart import count_apart
    from service.cli.mistakes import refuse_mistakes

    refuse_dashboard(address, "run")
    refuse_unused_address(address, executor.value)
    store, note = store_in_job(store)
    chosen = choices(
        seeds=seeds,
        budget=budget,
        rungs=rungs,
        settings=settings,
        profile=profile,
        skip_unknown=skip_unknown,
        accept_guesses=accept_guesses,
        plugins=plugin,
        trust=trust,
    )
    refuse_mistakes(study, chosen)
    if executor is Executor.ray:
        count_apart(study, chosen)
    from service.client import Client

    client = Client(store=store, tracking_uri=tracking_uri, address=address)
    session = asking_for_trust(client.start, study, **chosen)
    run_session(session, executor, note=note, ask_above=ask_above, yes=yes, json=json)


def store_in_job(store: str) -> tuple[str, str]:
    """A Ray job's uploaded working folder is thrown away, so that no store may lie in it."""
    from service.records.place import place_of

    if not isinstance(place_of(store), Path) or Path(store).expanduser().is_absolute():
        return store, ""
    if "working_dir_files" not in Path.cwd().parts:
        return store, ""
    if store != STORE_DEFAULT:
        raise UserError(
            f"store: {store} lies in this job's working folder, which Ray throws away; give an absolute path that "
            "every node sees"
        )
    home = Path.home() / STORE_DEFAULT
    return str(home), f"The store is {home}: a job's working folder is thrown away. Give --store to choose."
