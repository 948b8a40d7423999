"""Whether the network is told the labels at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes.switch import BoolAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class ClassConditioningAxis(BoolAxis):
    """On where the network is told labels; data without any cannot have it."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns whether labels are used.

        Raises:
            UserError: the data has none.
        """
        if baseline.model.num_classes == 0:
            if value:
                raise UserError(f"{self.name}: on given, but the data has no labels (model.num_classes: 0)")
            value = True  # one network has one configuration
        return {self.fields[0]: value}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns whether the network is told any labels."""
        return config.model.classes > 0


AXIS = ClassConditioningAxis(
    name="class_conditioning",
    title="Class labels",
    description="whether the network is told the class; without, it trains and samples unconditionally",
    citation="unconditional models: Ho et al., arXiv 2006.11239; the null class: Ho & Salimans, arXiv 2207.12598",
    fields=("model.class_conditional",),
    aliases=(
        "class condition", "label input", "class label input", "class label information", "conditional training",
        "category conditioning", "conditioning on the class", "conditioning on the label",
        "conditioning on class labels", "class label conditioning", "label conditioning",
        "class labels as condition", "unconditional training", "class conditional training", "unconditional model",
        "class conditional model", "unconditional generation", "class conditional generation",
        "class label embedding", "class embedding", "label embedding", "class information", "label information",
        "class conditioning signal",
    ),
    vocabulary=(
        "labelembedder",
        "y embedding", "y embedder", "label embedder", "class embedder", "label guidance signal",
        "class labels removed", "drop all labels", "fully unconditional", "label agnostic", "class agnostic",
        "ignore labels", "train without class labels", "without conditioning on class", "use labels",
        "num classes", "label signal",
        "class supervision", "label supervision", "label input", "labels as input", "class identity",
        "label embedding table", "class input", "class signal", "class token", "knowledge of the class",
        "told the class", "told which class", "fed the class", "class fed to the network", "class is given",
        "unlabelled", "unlabeled", "label free", "class free", "ignoring the class", "no class",
        "without any labels", "any labels", "class condition", "unconditional", "class conditional", "class label",
        "label", "null class", "null token", "without labels", "ignore the label", "drop the class", "conditional",
    ),
    unlike=(
        "label dropout", "class dropout", "classifier free guidance", "conditioning mechanism", "in context",
        "cross attention", "adaln", "timestep conditioning",
    ),
    value_aliases={
        True: ("class conditional", "conditional", "labelled", "labeled", "with class labels", "with labels"),
        False: (
            "unconditional", "unlabelled", "unlabeled", "no class labels", "no labels", "without class labels",
            "without labels", "null class only",
        ),
    },
    remove_means="no labels: the network trains and samples unconditionally",
    anyway=(
        "unconditional",
        r"(?:(?:that|which)\s+)?(?:(?:is\s+)?(?:trained|conditioned|given|told)\s+(?:only|solely)\s+(?:on|with|by)"
        r"|(?:only|still|just)\s+(?:receiv|get|see|keep|us|tak)\w*|(?:receiv|get|see|keep|tak)\w*\s+(?:only|just))\s+"
        r"(?:the\s+)?(?:timestep|time|noise level|t)\b(?:\s+(?:embeddings?|t))?"
        r"|with\s+(?:the\s+)?(?:timestep|time|noise level|t)\b(?:\s+embeddings?)?\s+(?:as|being)\s+(?:the\s+|its\s+)?"
        r"(?:only|sole|single|one)\s+(?:remaining\s+)?(?:inputs?|conditions?|signal|condition(?:ing)?\s+(?:input|signal))"
        r"|(?:and\s+)?only\s+(?:the\s+)?(?:timestep|time|noise level)\b(?:\s+(?:embeddings?|t))?\s+(?:is|are)\s+"
        r"(?:fed|given|passed|provided|kept|used|seen|left)\b[^,;.()]*",
    ),
    add_means="the class as a condition",
)  # fmt: skip
