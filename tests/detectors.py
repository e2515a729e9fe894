"""Tiny detectors with random weights, saved by the classes that the published ones are saved by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    OwlViTConfig,
    OwlViTForObjectDetection,
    SwinConfig,
)

from tests.checkpoints import MEAN, STD, write_json

WORDS = "a photo of cat dog red bicycle man shirt two dogs in holds near the . ,".split()
SIDE = 64
TOKENS = 16
_TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
# Grounding DINO tells phrases apart by the ids that these have in BERT's vocabulary.
_BERT = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}


def owlvit(folder: Path) -> OwlViTForObjectDetection:
    """An OWL-ViT whose vocabulary is a handful of words."""
    torch.manual_seed(11)
    model = OwlViTForObjectDetection(OwlViTConfig(**_owl("owlvit")))
    return _saved(_spread(model), folder, _owl_tokenizer(), _square("OwlViTImageProcessor"))


def owlv2(folder: Path) -> Owlv2ForObjectDetection:
    """The same as an OWLv2."""
    torch.manual_seed(12)
    model = Owlv2ForObjectDetection(Owlv2Config(**_owl("owlv2")))
    return _saved(_spread(model), folder, _owl_tokenizer(), _square("Owlv2ImageProcessor"))


def grounding_dino(folder: Path) -> GroundingDinoForObjectDetection:
    """A Grounding DINO that offers 20 boxes."""
    torch.manual_seed(13)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=SIDE,
            embed_dim=16,
            depths=[1, 1, 2, 1],
            num_heads=[1, 2, 2, 4],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(**_TOWER, vocab_size=1100, max_position_embeddings=64),
        d_model=32,
        num_queries=20,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_n_points=2,
        decoder_n_points=2,
        max_text_len=64,
    )
    model = GroundingDinoForObjectDetection(config)
    size = {"shortest_edge": 96, "longest_edge": 160}
    image = {**_image("GroundingDinoImageProcessor", size), "do_pad": True}
    folder.mkdir(parents=True)
    names = {number: name for name, number in _BERT.items()}
    rows = [names.get(number, f"[unused{number}]") for number in range(1030)]
    rows += [word for word in WORDS if word not in _BERT]
    (folder / "vocab.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return _saved(model, folder, {"tokenizer_class": "BertTokenizer", "do_lower_case": True}, image)


def _owl(kind: str) -> dict[str, Any]:
    vision = {**_TOWER, "image_size": SIDE, "patch_size": 16}
    text = {
        **_TOWER,
        "vocab_size": len(WORDS) + 3,
        "max_position_embeddings": TOKENS,
        "pad_token_id": 0,
        "bos_token_id": len(WORDS) + 1,
        "eos_token_id": len(WORDS) + 2,
    }
    return {"vision_config": vision, "text_config": text, "projection_dim": 32, "model_type": kind}


def _spread(model: Any) -> Any:
    """Weights far from zero, so that boxes differ from patch to patch."""
    with torch.no_grad():
        for name, one in model.named_parameters():
            if one.dim() > 1 and "box_head" in name:
                one.mul_(4)
    return model


def _owl_tokenizer() -> Tokenizer:
    # The text tower pools at the largest id: the end of a text has it.
    begin, end = len(WORDS) + 1, len(WORDS) + 2
    vocabulary = {"!": 0, **{word: number for number, word in enumerate(WORDS, 1)}}
    vocabulary |= {"<s>": begin, "</s>": end}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", begin), ("</s>", end)]
    )
    return tokenizer


def _square(processor: str) -> dict[str, Any]:
    return _image(processor, {"height": SIDE, "width": SIDE})


def _image(processor: str, size: dict[str, int]) -> dict[str, Any]:
    return {
        "image_processor_type": processor,
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "size": size,
        "image_mean": MEAN,
        "image_std": STD,
    }


def _saved(
    model: Any, folder: Path, tokenizer: Tokenizer | dict[str, Any], image: dict[str, Any]
) -> Any:
    model.eval().save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", image)
    if isinstance(tokenizer, Tokenizer):
        tokenizer.save(str(folder / "tokenizer.json"))
        tokenizer = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": "!",
            "model_max_length": TOKENS,
        }
    write_json(folder / "tokenizer_config.json", tokenizer)
    return model
