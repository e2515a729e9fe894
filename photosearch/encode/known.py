"""Models that people know by name: what they are, how good, where their files lie.

In: a name as typed. Out: KnownModel, or None, or the names closest to it. A table alone: nothing is
opened or fetched here, nothing imported that costs time.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

# Zero-shot top-1 accuracy on ImageNet-1k in percent, as others have published it.
OPEN_CLIP_RESULTS = "https://github.com/mlfoundations/open_clip/blob/main/docs/openclip_results.csv"
SIGLIP2_RESULTS = (
    "https://github.com/google-research/big_vision/blob/main/big_vision/configs/proj/image_text/"
    "README_siglip2.md"
)
TAIYI_RESULTS = "https://huggingface.co/IDEA-CCNL/Taiyi-CLIP-Roberta-large-326M-Chinese"

HUB = "hf:"
RECOMMENDED = "ViT-B/32"
MULTILINGUAL = ("en", "zh", "mul")  # ISO 639-2 has "mul" for several languages


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One model, as `photosearch models` lists it."""

    name: str
    dim: int
    image_size: int | None  # pixels a side; None for a text tower alone
    image_params: float | None  # millions
    text_params: float  # millions; of the first text tower, where there are several
    languages: tuple[str, ...]
    licence: str
    imagenet: float | None = None
    imagenet_source: str | None = None
    download_bytes: int | None = None  # of the weights, about; None where nothing is fetched
    file: str | None = None  # OpenAI's file,
    sha256: str | None = None  # and what it must hash to
    ready: str | None = None  # Hub repository of an ONNX export, which needs no torch
    aliases: tuple[str, ...] = ()

    @property
    def params(self) -> float:
        """Millions of parameters of both towers."""
        return round((self.image_params or 0.0) + self.text_params, 1)

    @property
    def repo(self) -> str | None:
        """The Hub repository of a `hf:` name."""
        return self.name.removeprefix(HUB) if self.name.startswith(HUB) else None

    @property
    def text_only(self) -> bool:
        """Whether it reads texts for another model's image tower: `ViT-L/14+hf:…`."""
        return self.image_size is None


def _openai(
    name: str,
    file: str,
    sha256: str,
    size: int,
    *,
    dim: int,
    side: int,
    params: tuple[float, float],
    imagenet: float,
    ready: str,
    aliases: tuple[str, ...] = (),
) -> KnownModel:
    """A row of OpenAI's: parameters by open_clip's docs/model_profile.csv."""
    return KnownModel(
        name=name,
        dim=dim,
        image_size=side,
        image_params=params[0],
        text_params=params[1],
        languages=("en",),
        licence="MIT",
        imagenet=imagenet,
        imagenet_source=OPEN_CLIP_RESULTS,
        download_bytes=size,
        file=file,
        sha256=sha256,
        ready=f"immich-app/{ready}",
        aliases=aliases,
    )


# fmt: off
# Names in the order of clip.available_models(); sums from the addresses in its clip.py.
OPENAI: tuple[KnownModel, ...] = (
    _openai(
        "RN50", "RN50.pt", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
        255_827_503, dim=1024, side=224, params=(38.32, 63.69), imagenet=59.8, ready="RN50__openai",
    ),
    _openai(
        "RN101", "RN101.pt", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
        291_791_292, dim=512, side=224, params=(56.26, 63.43), imagenet=62.3, ready="RN101__openai",
    ),
    _openai(
        "RN50x4", "RN50x4.pt", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
        421_854_225, dim=640, side=288, params=(87.14, 91.16), imagenet=66.3,
        ready="RN50x4__openai",
    ),
    _openai(
        "RN50x16", "RN50x16.pt", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
        661_125_706, dim=768, side=384, params=(167.33, 123.65), imagenet=70.7,
        ready="RN50x16__openai",
    ),
    _openai(
        "RN50x64", "RN50x64.pt", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
        1_353_500_174, dim=1024, side=448, params=(420.38, 202.88), imagenet=73.9,
        ready="RN50x64__openai",
    ),
    _openai(
        "ViT-B/32", "ViT-B-32.pt",
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        353_976_522, dim=512, side=224, params=(87.85, 63.43), imagenet=63.3,
        ready="ViT-B-32__openai", aliases=("ViT-B-32",),
    ),
    _openai(
        "ViT-B/16", "ViT-B-16.pt",
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
        350_837_078, dim=512, side=224, params=(86.19, 63.43), imagenet=68.3,
        ready="ViT-B-16__openai", aliases=("ViT-B-16",),
    ),
    _openai(
        "ViT-L/14", "ViT-L-14.pt",
        "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        932_768_134, dim=768, side=224, params=(303.97, 123.65), imagenet=75.5,
        ready="ViT-L-14__openai", aliases=("ViT-L-14",),
    ),
    _openai(
        "ViT-L/14@336px", "ViT-L-14-336px.pt",
        "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
        934_088_680, dim=768, side=336, params=(304.29, 123.65), imagenet=76.6,
        ready="ViT-L-14-336__openai",
        aliases=("ViT-L/14@336", "ViT-L/14-336", "ViT-L-14-336", "ViT-L-14-336px"),
    ),
)
# fmt: on

MINI = KnownModel(
    name="mini",
    dim=512,
    image_size=224,
    image_params=6.9,
    text_params=23.1,  # English; the Chinese tower has 2.8
    languages=("en", "zh"),
    licence="Apache-2.0 weights, trained on photos for non-commercial use",
)

HUB_MODELS: tuple[KnownModel, ...] = (
    KnownModel(
        name="hf:openai/clip-vit-base-patch32",
        dim=512,
        image_size=224,
        image_params=87.85,
        text_params=63.43,
        languages=("en",),
        licence="MIT",
        imagenet=63.3,
        imagenet_source=OPEN_CLIP_RESULTS,
        download_bytes=605_000_000,
        ready="immich-app/ViT-B-32__openai",
    ),
    KnownModel(
        name="hf:openai/clip-vit-large-patch14",
        dim=768,
        image_size=224,
        image_params=303.97,
        text_params=123.65,
        languages=("en",),
        licence="MIT",
        imagenet=75.5,
        imagenet_source=OPEN_CLIP_RESULTS,
        download_bytes=1_710_000_000,
        ready="immich-app/ViT-L-14__openai",
    ),
    KnownModel(
        name="hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        dim=512,
        image_size=224,
        image_params=87.85,
        text_params=63.43,
        languages=("en",),
        licence="MIT",
        imagenet=66.6,
        imagenet_source=OPEN_CLIP_RESULTS,
        download_bytes=605_000_000,
        ready="immich-app/ViT-B-32__laion2b-s34b-b79k",
    ),
    KnownModel(
        name="hf:google/siglip-base-patch16-224",
        dim=768,
        image_size=224,
        image_params=92.88,
        text_params=110.27,
        languages=("en",),
        licence="Apache-2.0",
        imagenet=76.0,
        imagenet_source=OPEN_CLIP_RESULTS,
        download_bytes=813_000_000,
        ready="immich-app/ViT-B-16-SigLIP__webli",
    ),
    KnownModel(
        name="hf:google/siglip2-base-patch16-224",
        dim=768,
        image_size=224,
        image_params=92.88,
        text_params=282.3,  # of SigLIP's tower with 256,000 words instead of 32,000
        languages=MULTILINGUAL,
        licence="Apache-2.0",
        imagenet=78.2,
        imagenet_source=SIGLIP2_RESULTS,
        download_bytes=1_500_000_000,
        ready="immich-app/ViT-B-16-SigLIP2__webli",
    ),
    KnownModel(
        name="hf:google/siglip2-so400m-patch14-384",
        dim=1152,
        image_size=384,
        image_params=428.23,
        text_params=707.78,
        languages=MULTILINGUAL,
        licence="Apache-2.0",
        imagenet=84.1,
        imagenet_source=SIGLIP2_RESULTS,
        download_bytes=4_540_000_000,
    ),
    # Chinese-CLIP publishes no figure for ImageNet. Its sizes: README of OFA-Sys/Chinese-CLIP,
    # whose licence is MIT; the model cards name none.
    KnownModel(
        name="hf:OFA-Sys/chinese-clip-vit-base-patch16",
        dim=512,
        image_size=224,
        image_params=86.0,
        text_params=102.0,
        languages=("zh",),
        licence="MIT",
        download_bytes=753_000_000,
    ),
    KnownModel(
        name="hf:OFA-Sys/chinese-clip-vit-large-patch14",
        dim=768,
        image_size=224,
        image_params=304.0,
        text_params=102.0,
        languages=("zh",),
        licence="MIT",
        download_bytes=1_630_000_000,
    ),
    KnownModel(
        name="hf:OFA-Sys/chinese-clip-vit-large-patch14-336px",
        dim=768,
        image_size=336,
        image_params=304.0,
        text_params=102.0,
        languages=("zh",),
        licence="MIT",
        download_bytes=1_630_000_000,
    ),
    # A text tower for the images of ViT-L/14; its figure is with class names in Chinese.
    KnownModel(
        name="hf:IDEA-CCNL/Taiyi-CLIP-Roberta-large-326M-Chinese",
        dim=768,
        image_size=None,
        image_params=None,
        text_params=326.0,
        languages=("zh",),
        licence="Apache-2.0",
        imagenet=53.05,
        imagenet_source=TAIYI_RESULTS,
        download_bytes=1_310_000_000,
    ),
)

MODELS: tuple[KnownModel, ...] = (MINI, *OPENAI, *HUB_MODELS)
_BY_NAME = {name: model for model in MODELS for name in (model.name, *model.aliases)}


def known(name: str) -> KnownModel | None:
    """The model of exactly this name, or of a usual other spelling of it."""
    return _BY_NAME.get(name)


def suggestions(name: str, limit: int = 3) -> list[str]:
    """Known names that look like this one, the closest first; none when none does."""
    spelt = {_plain(one): model.name for one, model in _BY_NAME.items()}
    plain = _plain(name)
    close = difflib.get_close_matches(plain, spelt, n=len(spelt), cutoff=0.6)
    parts = [one for one in spelt if len(plain) >= 4 and plain in one]
    return list(dict.fromkeys(spelt[one] for one in close + parts))[:limit]


def _plain(name: str) -> str:
    """Spelling that people vary, evened out: case, separators, and the prefix of the Hub."""
    plain = name.casefold().removeprefix(HUB)
    for sign in "/@_ ":
        plain = plain.replace(sign, "-")
    return plain
