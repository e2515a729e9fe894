"""Models that find things in pictures: which there are, which --by each is for.

In: a model_type, or a way to locate. Out: LocatorModel. A table alone, as encode/known.py is one of
CLIPs: nothing is opened or fetched here.
"""

from __future__ import annotations

from dataclasses import dataclass

# model_type of config.json → --by, and what people call it.
BY_TYPE = {
    "owlvit": "owlvit",
    "owlv2": "owlvit",
    "grounding-dino": "grounding",
    "groupvit": "segments",
    "clipseg": "segments",
}
_CALLED = {
    "owlvit": "OWL-ViT",
    "owlv2": "OWLv2",
    "grounding-dino": "Grounding DINO",
    "groupvit": "GroupViT",
    "clipseg": "CLIPSeg",
}


@dataclass(frozen=True, slots=True)
class LocatorModel:
    """One model, as `photosearch models list` names it. The first of each --by is its default."""

    name: str
    by: str
    params: float  # millions
    download_bytes: int  # of the weights, about
    licence: str


# Parameters and licences are those of the model cards; a parameter takes four bytes.
LOCATOR_MODELS = (
    LocatorModel("hf:google/owlvit-base-patch32", "owlvit", 153.2, 613_000_000, "Apache-2.0"),
    LocatorModel("hf:google/owlv2-base-patch16-ensemble", "owlvit", 155, 620_000_000, "Apache-2.0"),
    LocatorModel(
        "hf:IDEA-Research/grounding-dino-tiny", "grounding", 172, 689_000_000, "Apache-2.0"
    ),
    LocatorModel(
        "hf:IDEA-Research/grounding-dino-base", "grounding", 233, 933_000_000, "Apache-2.0"
    ),
    LocatorModel("hf:nvidia/groupvit-gcc-yfcc", "segments", 55.7, 223_000_000, "NVIDIA, no trade"),
    LocatorModel("hf:CIDAS/clipseg-rd64-refined", "segments", 150.7, 603_000_000, "Apache-2.0"),
)


def default_model(by: str) -> LocatorModel:
    """The model that --by takes where none is named."""
    return next(one for one in LOCATOR_MODELS if one.by == by)


def listed(name: str) -> LocatorModel | None:
    """The model of a name as the table has it; ORG/NAME and hf:ORG/NAME are the same."""
    plain = name.removeprefix("hf:").casefold()
    return next(
        (one for one in LOCATOR_MODELS if one.name.removeprefix("hf:").casefold() == plain), None
    )


def called(kind: str) -> str:
    """What people call models of a model_type."""
    return _CALLED.get(kind, kind)
