"""What Ray's lists show of a run: actors, placement groups and Train runs bear study and user."""

from __future__ import annotations

from service.user import user


def run_in(name: str) -> str:
    """Returns which run a name on a cluster belongs to, whichever study's; empty when it is no run's."""
    parts = name.split("/")
    last = parts[-1].split("-")
    return last[1] if len(parts) == 5 and parts[0] == "dit-ablate" and len(last) == 3 else ""


class RunName:
    """Names of what one run keeps on a cluster, e.g. ``dit-ablate/dit-digits/ada/lane-0/4f0c…-1``.

    Args:
        study: the study.
        store: the store's identity: the same study may run in another store.
        run: names the run among all of this study.
    """

    def __init__(self, study: str, store: str, run: str) -> None:
        self._study, self._store, self.run = study, store[:8], run
        self._user = user()

    def of(self, part: str, start: int = 1) -> str:
        """Names a part of the run, e.g. ``lane-0``, in its ``start``-th life."""
        return f"dit-ablate/{self._study}/{self._user}/{part}/{self._store}-{self.run}-{start}"

    def is_own(self, name: str) -> bool:
        """Whether a name is of this run."""
        return self._run_of(name) == self.run

    def is_former(self, name: str) -> bool:
        """Whether a name is of another run of this study in this store, whoever ran it."""
        return self._run_of(name) not in ("", self.run)

    def _run_of(self, name: str) -> str:
        parts = name.split("/")
        last = parts[-1].split("-")
        ours = (
            len(parts) == 5 and parts[:2] == ["dit-ablate", self._study] and len(last) == 3 and last[0] == self._store
        )
        return last[1] if ours else ""
