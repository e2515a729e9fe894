"""Tiny checkpoints with random weights, made by the libraries that publish such files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPModel,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    GroupViTConfig,
    GroupViTModel,
    SiglipConfig,
    SiglipModel,
)

WORDS = "a photo of cat dog two red the in snow 一 只 猫 狗 , !".split()
TEXTS = ["a photo of a cat", "two dog in the snow", "一只猫", "red", "一只狗, 猫 !"]
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
# Special tokens of BERT's vocabularies come first; the words follow.
BERT_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]


def clip(folder: Path, *, act: str = "gelu", eos: int = 1) -> CLIPModel:
    """A Hugging Face CLIP whose vocabulary is a handful of words."""
    torch.manual_seed(1)
    count = len(WORDS) + 3
    model = CLIPModel(
        CLIPConfig(
            vision_config={**VISION, "hidden_act": act},
            text_config={
                **TEXT,
                "hidden_act": act,
                "vocab_size": count,
                "max_position_embeddings": 16,
                "bos_token_id": 0,
                "eos_token_id": eos,
                "pad_token_id": 2,
            },
            projection_dim=24,
        )
    )
    return _saved(model, folder, _word_tokenizer(), crop=True)


def siglip(folder: Path) -> SiglipModel:
    """A Hugging Face SigLIP, padded to 10 tokens."""
    torch.manual_seed(2)
    model = SiglipModel(
        SiglipConfig(
            vision_config=VISION,
            text_config={
                **TEXT,
                "vocab_size": len(WORDS) + 3,
                "max_position_embeddings": 10,
                "projection_size": 32,
                "pad_token_id": 2,
                "bos_token_id": 0,
                "eos_token_id": 1,
            },
        )
    )
    return _saved(model, folder, _word_tokenizer(), crop=False)


def chinese_clip(folder: Path) -> ChineseCLIPModel:
    """A Hugging Face Chinese-CLIP; heads are 64 wide, as its authors' layout takes for granted."""
    torch.manual_seed(3)
    wide = {"hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 256}
    model = ChineseCLIPModel(
        ChineseCLIPConfig(
            vision_config={**VISION, **wide, "hidden_act": "quick_gelu"},
            text_config={
                **TEXT,
                **wide,
                "vocab_size": len(BERT_WORDS),
                "max_position_embeddings": 64,
                "pad_token_id": 0,
            },
            projection_dim=24,
        )
    )
    _bert_vocabulary(folder)
    return _saved(model, folder, None, crop=False)


def taiyi(folder: Path, dim: int = 24) -> BertForSequenceClassification:
    """A text tower alone."""
    torch.manual_seed(4)
    config = BertConfig(
        **TEXT, vocab_size=len(BERT_WORDS), max_position_embeddings=64, num_labels=dim
    )
    model = BertForSequenceClassification(config)
    _bert_vocabulary(folder)
    model.eval().save_pretrained(folder)
    return model


def groupvit(folder: Path) -> GroupViTModel:
    """A GroupViT whose groups differ, which those of a model that is yet to be trained do not."""
    torch.manual_seed(5)
    model = GroupViTModel(
        GroupViTConfig(
            vision_config={
                **VISION,
                "num_hidden_layers": 3,
                "depths": [1, 1, 1],
                "num_group_tokens": [8, 4, 0],
                "num_output_groups": [8, 4, 0],
            },
            text_config={
                **TEXT,
                "vocab_size": len(WORDS) + 3,
                "max_position_embeddings": 16,
                "bos_token_id": 0,
                "eos_token_id": 1,
                "pad_token_id": 2,
            },
            projection_dim=24,
            projection_intermediate_dim=48,
        )
    )
    torch.manual_seed(1)
    assigning = (".assign.q_proj.weight", ".assign.k_proj.weight")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                is_word = name.startswith("text_model.embeddings.token")
                weight.normal_(0, 1 if name.endswith(assigning) else 0.5 if is_word else 0.15)
        model.logit_scale.fill_(4.6)
    return _saved(model, folder, _word_tokenizer(), crop=True)


def clipseg(folder: Path) -> CLIPSegForImageSegmentation:
    """A CLIPSeg; twice the picture that its CLIP was trained with, as the published ones."""
    torch.manual_seed(6)
    model = CLIPSegForImageSegmentation(
        CLIPSegConfig(
            vision_config={**VISION, "image_size": VISION["image_size"] // 2, "patch_size": 4},
            text_config={
                **TEXT,
                "vocab_size": len(WORDS) + 3,
                "max_position_embeddings": 16,
                "bos_token_id": 0,
                "eos_token_id": 1,
                "pad_token_id": 2,
            },
            projection_dim=24,
            extract_layers=[0, 1],
            reduce_dim=16,
            decoder_num_attention_heads=4,
            decoder_intermediate_size=32,
        )
    )
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.2)
    return _saved(model, folder, _word_tokenizer(), crop=False)


def authors_names(model: ChineseCLIPModel) -> dict[str, torch.Tensor]:
    """A Chinese-CLIP's weights under the names of its authors' files."""
    named: dict[str, torch.Tensor] = {"logit_scale": model.logit_scale.detach()}
    state = model.state_dict()
    vision = {
        "embeddings.class_embedding": "class_embedding",
        "embeddings.patch_embedding.weight": "conv1.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "pre_layrnorm": "ln_pre",
        "post_layernorm": "ln_post",
        "encoder.layers": "transformer.resblocks",
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "self_attn.out_proj": "attn.out_proj",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
    }
    for name, one in state.items():
        if name.startswith("text_model."):
            named["bert." + name.removeprefix("text_model.")] = one
        elif name.startswith("vision_model."):
            short = name.removeprefix("vision_model.")
            if any(f"self_attn.{part}_proj" in short for part in "qkv"):
                continue
            for old, new in vision.items():
                short = short.replace(old, new)
            named["visual." + short] = one
    for layer in range(model.config.vision_config.num_hidden_layers):
        for end in ("weight", "bias"):
            thirds = [
                state[f"vision_model.encoder.layers.{layer}.self_attn.{part}_proj.{end}"]
                for part in "qkv"
            ]
            named[f"visual.transformer.resblocks.{layer}.attn.in_proj_{end}"] = torch.cat(thirds)
    named["visual.proj"] = state["visual_projection.weight"].T.contiguous()
    named["text_projection"] = state["text_projection.weight"].T.contiguous()
    return named


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _saved(model: Any, folder: Path, tokenizer: Tokenizer | None, *, crop: bool) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    side = VISION["image_size"]
    square = {"height": side, "width": side}
    config = {
        "do_resize": True,
        "do_center_crop": crop,
        "size": {"shortest_edge": side} if crop else square,
        "crop_size": square,
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
        "image_mean": MEAN,
        "image_std": STD,
        "resample": 3,
        "image_processor_type": "CLIPImageProcessor",
    }
    write_json(folder / "preprocessor_config.json", config)
    if tokenizer is not None:
        tokenizer.save(str(folder / "tokenizer.json"))
        write_json(
            folder / "tokenizer_config.json",
            {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"},
        )
    return model


def _word_tokenizer() -> Tokenizer:
    vocabulary = {word: number for number, word in enumerate(["<s>", "</s>", "<pad>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def _bert_vocabulary(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(BERT_WORDS) + "\n", encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True},
    )
