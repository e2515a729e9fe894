"""Models of transformers that find things in pictures, as their makers publish them.

In: a name or path, and which kinds will do. Out: an Opened: the model on a device, ready to be
asked, its tokenizer and image processor. Of a folder only data is read: weights as tensors, never
code of its own. What the model is asked is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.encode.locator_files import kind_of, locator_files, named_or_default
from photosearch.errors import BadCheckpoint, MissingExtra, WrongUse, line_of

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Opened:
    """A published model: float32, on a device, not to be trained."""

    name: str  # as it was given
    folder: Path
    kind: str  # its model_type, such as "owlvit"
    model: Any
    device: torch.device

    def tokenizer(self) -> Any:
        """transformers' tokenizer of the folder. Whoever uses it counts the tokens."""
        from transformers import AutoTokenizer

        from photosearch.encode.sources.folder import require_tokenizer

        require_tokenizer(self.folder)
        tokenizer = _read(self.folder, "tokenizer", AutoTokenizer)
        tokenizer.model_max_length = 1 << 30  # else it warns of what is refused with a line of ours
        return tokenizer

    def image_processor(self) -> Any:
        """transformers' image processor of the folder, on Pillow and numpy.

        By name: where torchvision is installed, the default is another one, whose resizing differs
        by a grey level or two.
        """
        from transformers import AutoImageProcessor

        return _read(self.folder, "image processor", AutoImageProcessor, backend="pil")

    def run(self, **feeds: Any) -> Any:
        """What the model says of these tensors."""
        return self.asked(
            lambda *moved: self.model(**dict(zip(feeds, moved, strict=True))), *feeds.values()
        )

    def asked(self, ask: Callable[..., Any], *tensors: Any) -> Any:
        """What a function of the model says of tensors, which are brought to its device."""
        import torch

        try:
            with torch.inference_mode():
                return ask(*(one.to(self.device) for one in tensors))
        except torch.OutOfMemoryError as error:
            raise WrongUse(
                f"the memory of {self.device} does not hold {self.name} and one image",
                hint="CUDA_VISIBLE_DEVICES= takes the CPU",
            ) from error


def open_published(
    name: str | None, kinds: Mapping[str, str], by: str, *, device: str = "auto"
) -> Opened:
    """The model of a name or path. name: None takes the usual one of `by`, if it is here.

    kinds: model_type → class of transformers, such as {"owlvit": "OwlViTForObjectDetection"}.
    Raises WrongUse for a model of another kind, UnknownModel, BadCheckpoint, DownloadFailed,
    MissingExtra.
    """
    name = named_or_default(name, by)
    if not (find_spec("torch") and find_spec("transformers")):
        raise MissingExtra(f"--by {by} takes torch", hint="pip install 'photosearch[torch]'")
    folder = locator_files(name, kinds, by)
    kind = kind_of(folder)
    assert kind is not None
    from photosearch.encode.on_torch import choose_device

    chosen = choose_device(device)
    return Opened(name, folder, kind, _model(kinds[kind], folder).to(chosen), chosen)


def _model(class_name: str, folder: Path) -> Any:
    import transformers

    from photosearch.encode.sources.pretrained import load_pretrained

    return load_pretrained(getattr(transformers, class_name), folder)


def _read(folder: Path, what: str, reader: Any, **options: Any) -> Any:
    from photosearch.encode.sources.folder import quiet

    try:
        with quiet():
            return reader.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
    except Exception as error:  # as above
        raise BadCheckpoint(f"{folder}: its {what} cannot be read: {line_of(error)}") from error
