"""A model class of transformers, its weights held against its configuration.

In: a class, a folder as `save_pretrained` writes it. Out: the module, float32, not to be trained;
or BadCheckpoint. Nothing is fetched, and no code of the folder is run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from photosearch.encode.sources.folder import quiet
from photosearch.encode.weights import unreadable
from photosearch.errors import BadCheckpoint, line_of

_DIGITS = re.compile(r"\d+")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def load_pretrained(kind: Any, folder: Path, **options: Any) -> nn.Module:
    """The model of a folder; weights that lack something, or are of another model, are refused."""
    _check_weights(folder)
    try:
        with quiet():
            model, found = kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                weights_only=True,
                output_loading_info=True,
                **options,
            )
    except Exception as error:  # it raises whatever its parts raise
        weights = next((folder / one for one in _WEIGHTS if (folder / one).is_file()), None)
        if weights is not None and "header" in str(error):  # safetensors' word for its first part
            raise unreadable(weights, error) from error
        raise BadCheckpoint(f"{folder} cannot be loaded: {line_of(error)}") from error
    misfits = [*found["missing_keys"], *(one[0] for one in found.get("mismatched_keys", ()))]
    if misfits:
        raise BadCheckpoint(
            f"{folder}: its weights lack or misfit {min(map(str, misfits))}; without it the "
            "model's answers would be random"
        )
    _check_depth(folder, model, found["unexpected_keys"])
    module: nn.Module = model.eval().requires_grad_(False)
    return module


def _check_weights(folder: Path) -> None:
    names = {name for one in _WEIGHTS for name in (one, f"{one}.index.json")}
    if not any((folder / name).is_file() for name in names):
        raise BadCheckpoint(f"{folder} holds no weights: none of {', '.join(_WEIGHTS)}")


def _check_depth(folder: Path, model: Any, unexpected: Any) -> None:
    """Refuse weights of more layers than the configuration names.

    Others that the model has no use for (buffers of older versions) change nothing in its answers.
    """
    shapes = {_DIGITS.sub("#", name) for name in model.state_dict()}
    for name in sorted(map(str, unexpected)):
        if _DIGITS.sub("#", name) in shapes:
            raise BadCheckpoint(
                f"{folder}: its weights hold {name}, for which config.json has no place; they are "
                "of another model"
            )
