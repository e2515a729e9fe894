"""One small reader a source; weights are read without running what a file says."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photosearch.encode.encoder import Encoder
from photosearch.encode.names import load_model
from photosearch.errors import BadBundle, BadCheckpoint, BadImage, UnknownModel, WrongUse

torch = pytest.importorskip("torch", reason="checkpoints are read by photosearch[torch]")

from photosearch.encode.weights import is_torchscript, read_weights  # noqa: E402
from tests import checkpoints  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden"
VIT, RESNET = (
    GOLDEN / "openai" / "vit_tiny_torchscript.pt",
    GOLDEN / "openai" / "rn_tiny_state_dict.pt",
)
IMAGES = sorted((GOLDEN / "images").glob("0[1-4]*.png"))
RUNTIMES = pytest.mark.parametrize("runtime", ["torch", "onnx"])


@pytest.fixture(autouse=True)
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOTOSEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def pixels(processor: Any) -> Any:
    return processor([Image.open(path).convert("RGB") for path in IMAGES], return_tensors="pt")


def unit(features: Any) -> np.ndarray:
    array = features.detach().numpy()
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def check(model: Encoder, images: Any, texts: list[Any]) -> None:
    np.testing.assert_allclose(model.encode_images(IMAGES), unit(images), atol=1e-5, rtol=0)
    given = model.encode_texts(checkpoints.TEXTS)
    np.testing.assert_allclose(given, np.concatenate([unit(one) for one in texts]), atol=1e-5)


class TestHuggingFace:
    @RUNTIMES
    @pytest.mark.parametrize(("act", "eos"), [("gelu", 1), ("quick_gelu", 2)])
    def test_clip(self, tmp_path: Path, runtime: str, act: str, eos: int) -> None:
        from transformers import AutoTokenizer, CLIPImageProcessorPil

        folder = tmp_path / "clip"
        theirs = checkpoints.clip(folder, act=act, eos=eos)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        images = theirs.get_image_features(**pixels(CLIPImageProcessorPil.from_pretrained(folder)))
        texts = [
            theirs.get_text_features(**tokenizer(text, return_tensors="pt")).pooler_output
            for text in checkpoints.TEXTS
        ]
        model = load_model(folder, runtime=runtime)
        check(model, images.pooler_output, texts)
        assert model.logit_scale == pytest.approx(theirs.logit_scale.exp().item())
        assert model.logit_bias is None

    @RUNTIMES
    def test_siglip(self, tmp_path: Path, runtime: str) -> None:
        from transformers import AutoTokenizer, SiglipImageProcessorPil

        folder = tmp_path / "siglip"
        theirs = checkpoints.siglip(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        processor = SiglipImageProcessorPil.from_pretrained(folder)
        images = theirs.get_image_features(**pixels(processor)).pooler_output
        texts = [
            theirs.get_text_features(
                tokenizer(text, return_tensors="pt", padding="max_length", max_length=10).input_ids
            ).pooler_output
            for text in checkpoints.TEXTS
        ]
        model = load_model(folder, runtime=runtime)
        check(model, images, texts)
        assert model.logit_bias == pytest.approx(theirs.logit_bias.item())

    @RUNTIMES
    def test_chinese_clip(self, tmp_path: Path, runtime: str) -> None:
        folder = tmp_path / "chinese"
        theirs = checkpoints.chinese_clip(folder)
        check_chinese(load_model(folder, runtime=runtime), theirs, folder)

    def test_weights_that_lack_a_tensor_are_refused(self, tmp_path: Path) -> None:
        from safetensors.torch import load_file, save_file

        checkpoints.clip(tmp_path / "clip")
        path = tmp_path / "clip" / "model.safetensors"
        weights = load_file(path)
        del weights["visual_projection.weight"]
        save_file(weights, path, metadata={"format": "pt"})
        with pytest.raises(BadCheckpoint, match=r"visual_projection\.weight"):
            load_model(tmp_path / "clip")

    def test_another_kind_of_model_is_named(self, tmp_path: Path) -> None:
        checkpoints.clip(tmp_path / "clip")
        config = json.loads((tmp_path / "clip" / "config.json").read_text())
        checkpoints.write_json(tmp_path / "clip" / "config.json", {**config, "model_type": "llama"})
        with pytest.raises(BadCheckpoint, match="'llama'") as caught:
            load_model(tmp_path / "clip")
        assert "siglip" in caught.value.hint

    def test_an_unknown_preprocessing_is_refused(self, tmp_path: Path) -> None:
        checkpoints.clip(tmp_path / "clip")
        path = tmp_path / "clip" / "preprocessor_config.json"
        config = json.loads(path.read_text())
        checkpoints.write_json(path, {**config, "crop_size": {"height": 16, "width": 16}})
        with pytest.raises(BadCheckpoint, match=r"preprocessor_config\.json"):
            load_model(tmp_path / "clip")


class TestFolders:
    """The other ways in which the same files are published, and named."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        checkpoints.clip(tmp_path / "clip")
        return tmp_path / "clip"

    def test_the_weights_file_of_a_folder_is_the_folder(self, folder: Path) -> None:
        assert load_model(folder / "model.safetensors").key == load_model(folder).key

    def test_one_file_in_a_folder_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "ViT.pt").write_bytes(VIT.read_bytes())
        assert load_model(tmp_path / "one").key == load_model(VIT).key

    def test_preprocessing_within_the_processor_s_file(self, folder: Path) -> None:
        before = load_model(folder).key
        inner = json.loads((folder / "preprocessor_config.json").read_text())
        (folder / "preprocessor_config.json").unlink()
        checkpoints.write_json(folder / "processor_config.json", {"image_processor": inner})
        assert load_model(folder).key == before

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"rescale_factor": 1.0}, "rescale_factor"),
            ({"image_mean": None}, "preprocessor_config"),
            ({"resample": "cubic"}, "preprocessor_config"),
            ({"size": "large"}, "preprocessor_config"),
        ],
        ids=str,
    )
    def test_preprocessing_that_is_not_known(
        self, folder: Path, change: dict[str, Any], named: str
    ) -> None:
        path = folder / "preprocessor_config.json"
        checkpoints.write_json(path, {**json.loads(path.read_text()), **change})
        with pytest.raises(BadCheckpoint, match=named):
            load_model(folder)

    @pytest.mark.parametrize("lacking", ["model.safetensors", "preprocessor_config.json"])
    def test_what_a_folder_lacks_is_named(self, folder: Path, lacking: str) -> None:
        (folder / lacking).unlink()
        with pytest.raises((BadCheckpoint, UnknownModel), match=lacking):
            load_model(folder)

    @pytest.mark.parametrize("text", ["{", "[]"])
    def test_a_damaged_configuration_is_named(self, folder: Path, text: str) -> None:
        (folder / "preprocessor_config.json").write_text(text)
        with pytest.raises(BadCheckpoint, match=r"preprocessor_config\.json"):
            load_model(folder)

    def test_a_damaged_tokenizer_is_named(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text("{")
        with pytest.raises(BadCheckpoint, match="tokenizer"):
            load_model(folder)

    def test_half_a_vocabulary(self, folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        checkpoints.write_json(folder / "vocab.json", {"a": 0})
        with pytest.raises(BadCheckpoint, match=r"merges\.txt"):
            load_model(folder)

    def test_weights_without_their_folder(self, folder: Path, tmp_path: Path) -> None:
        alone = tmp_path / "alone.bin"
        torch.save({"text_model.embeddings.token_embedding.weight": torch.zeros(2, 2)}, alone)
        with pytest.raises(BadCheckpoint, match="Hugging Face") as caught:
            load_model(alone)
        assert "config.json" in caught.value.hint


class TestWhatIsAsked:
    """Names and options that make no sense together."""

    def test_a_runtime_that_does_not_exist(self) -> None:
        with pytest.raises(WrongUse, match="no runtime") as caught:
            load_model("mini", runtime="tensorflow")
        assert "onnx" in caught.value.hint

    def test_a_bundle_has_no_form_for_torch(self) -> None:
        with pytest.raises(WrongUse, match="bundle"):
            load_model("mini", runtime="torch")

    def test_a_bundle_runs_on_the_cpu(self) -> None:
        with pytest.raises(WrongUse, match="CPU"):
            load_model("mini", device="cuda").encode_images(IMAGES)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU on this machine")
    def test_a_gpu_that_is_not_there(self) -> None:
        with pytest.raises(WrongUse, match="cuda"):
            load_model(VIT, device="cuda", runtime="torch").encode_images(IMAGES)

    def test_images_that_cannot_be_had_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_text("hello")
        for path in (tmp_path / "bad.jpg", tmp_path / "none.jpg", tmp_path):
            with pytest.raises(BadImage, match=str(path)):
                load_model("mini").encode_images([IMAGES[0], path])


def check_chinese(model: Encoder, theirs: Any, folder: Path) -> None:
    from transformers import AutoTokenizer, ChineseCLIPImageProcessorPil

    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = ChineseCLIPImageProcessorPil.from_pretrained(folder)
    images = theirs.get_image_features(**pixels(processor)).pooler_output
    texts = [
        theirs.get_text_features(**tokenizer(text, return_tensors="pt")).pooler_output
        for text in checkpoints.TEXTS
    ]
    check(model, images, texts)


class TestChineseClipOfItsAuthors:
    def made(self, tmp_path: Path) -> tuple[Any, Path]:
        folder = tmp_path / "theirs"
        return checkpoints.chinese_clip(folder), folder

    @RUNTIMES
    def test_a_training_checkpoint(self, tmp_path: Path, runtime: str) -> None:
        theirs, folder = self.made(tmp_path)
        own = tmp_path / "own"
        own.mkdir()
        named = {f"module.{name}": one for name, one in checkpoints.authors_names(theirs).items()}
        torch.save({"epoch": 1, "state_dict": named}, own / "clip_cn_tiny.pt")
        (own / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
        model = load_model(own / "clip_cn_tiny.pt", runtime=runtime)
        check_chinese(model, theirs, folder)
        assert model.key == load_model(folder, runtime=runtime).key

    def test_the_modelscope_folder(self, tmp_path: Path) -> None:
        theirs, folder = self.made(tmp_path)
        own = tmp_path / "own"
        own.mkdir()
        torch.save(checkpoints.authors_names(theirs), own / "pytorch_model.bin")
        (own / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
        checkpoints.write_json(own / "vision_model_config.json", {"vision_width": 128})
        checkpoints.write_json(own / "text_model_config.json", {"text_hidden_act": "gelu"})
        check_chinese(load_model(own, runtime="torch"), theirs, folder)

    def test_without_its_vocabulary(self, tmp_path: Path) -> None:
        theirs, _ = self.made(tmp_path)
        torch.save(checkpoints.authors_names(theirs), tmp_path / "clip_cn_tiny.pt")
        with pytest.raises(BadCheckpoint, match=r"lacks vocab\.txt"):
            load_model(tmp_path / "clip_cn_tiny.pt")


class TestPairs:
    @RUNTIMES
    def test_a_text_tower_beside_an_image_model(self, tmp_path: Path, runtime: str) -> None:
        from transformers import AutoTokenizer

        checkpoints.clip(tmp_path / "image")
        theirs = checkpoints.taiyi(tmp_path / "text")
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / "text")
        image = load_model(tmp_path / "image", runtime=runtime)
        pair = load_model(f"{tmp_path / 'image'}+{tmp_path / 'text'}", runtime=runtime)
        assert pair.key == image.key
        np.testing.assert_array_equal(pair.encode_images(IMAGES), image.encode_images(IMAGES))
        texts = [
            theirs(**tokenizer(text, return_tensors="pt")).logits for text in checkpoints.TEXTS
        ]
        given = pair.encode_texts(checkpoints.TEXTS)
        expected = np.concatenate([unit(one) for one in texts])
        np.testing.assert_allclose(given, expected, atol=1e-5)

    def test_a_text_tower_alone_says_what_it_is_for(self, tmp_path: Path) -> None:
        checkpoints.taiyi(tmp_path / "text")
        model = load_model(tmp_path / "text")
        with pytest.raises(BadBundle, match="text tower alone") as caught:
            _ = model.key
        assert "IMAGE_MODEL+" in caught.value.hint

    def test_towers_of_different_spaces(self, tmp_path: Path) -> None:
        checkpoints.taiyi(tmp_path / "text", dim=24)
        with pytest.raises(WrongUse, match="512 dimensions"):
            load_model(f"mini+{tmp_path / 'text'}")

    def test_a_path_with_a_plus_is_a_path(self, tmp_path: Path) -> None:
        checkpoints.clip(tmp_path / "a+b")
        assert load_model(tmp_path / "a+b").dim == 24

    def test_minis_towers_as_a_pair_share_its_vectors(self) -> None:
        assert load_model("mini+mini").key == load_model("mini").key


class TestFingerprint:
    def test_the_files_format_and_precision_change_nothing(self, tmp_path: Path) -> None:
        weights = read_weights(VIT)
        torch.save({name: one.float() for name, one in weights.items()}, tmp_path / "other.pt")
        one, other = (load_model(path, runtime="torch") for path in (VIT, tmp_path / "other.pt"))
        assert one.key == other.key

    def test_a_weight_changes_it(self, tmp_path: Path) -> None:
        weights = read_weights(VIT)
        weights["visual.ln_post.bias"] = weights["visual.ln_post.bias"] + 1e-3
        torch.save(weights, tmp_path / "other.pt")
        one, other = (load_model(path, runtime="torch") for path in (VIT, tmp_path / "other.pt"))
        assert one.key != other.key
        assert one.text_key("en") == other.text_key("en")

    def test_exporting_again_keeps_it(self, tmp_path: Path, models_folder: Path) -> None:
        import shutil

        checkpoints.clip(tmp_path / "clip")
        first = load_model(tmp_path / "clip").key
        shutil.rmtree(models_folder)
        assert load_model(tmp_path / "clip").key == first
        assert models_folder.exists()


class Bomb:
    """Runs a command when it is unpickled carelessly."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.witness}",)


class TestUnsafeFiles:
    def test_a_pickle_that_would_run_something(self, tmp_path: Path) -> None:
        witness = tmp_path / "ran"
        torch.save({"state_dict": Bomb(witness)}, tmp_path / "bomb.pt")
        with pytest.raises(BadCheckpoint, match="would run code"):
            read_weights(tmp_path / "bomb.pt")
        assert not witness.exists()

    def test_a_bare_pickle(self, tmp_path: Path) -> None:
        witness = tmp_path / "ran"
        (tmp_path / "bomb.bin").write_bytes(pickle.dumps(Bomb(witness)))
        with pytest.raises(BadCheckpoint):
            read_weights(tmp_path / "bomb.bin")
        assert not witness.exists()

    def test_a_torchscript_archive_that_would_run_something(self, tmp_path: Path) -> None:
        witness = tmp_path / "ran"
        path = rewritten(VIT, tmp_path / "bomb.pt", {"data.pkl": pickle.dumps(Bomb(witness))})
        assert is_torchscript(path)
        with pytest.raises(BadCheckpoint, match="would run code"):
            read_weights(path)
        assert not witness.exists()

    def test_tensor_data_of_another_size(self, tmp_path: Path) -> None:
        path = rewritten(VIT, tmp_path / "short.pt", {"data/0": b"\0\0\0"})
        with pytest.raises(BadCheckpoint, match="size"):
            read_weights(path)

    def test_a_view_beyond_its_data(self, tmp_path: Path) -> None:
        """Strides come from the file: one that leaves the storage must not be followed."""
        from photosearch.encode.weights import _rebuild

        with pytest.raises(RuntimeError):
            _rebuild(torch.zeros(4), 2, (3,), (1,))

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    @pytest.mark.parametrize("source", [VIT, RESNET], ids=lambda path: path.stem)
    def test_a_truncated_file(self, tmp_path: Path, source: Path, share: float) -> None:
        data = source.read_bytes()
        (tmp_path / "cut.pt").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(BadCheckpoint, match=r"cut\.pt"):
            load_model(tmp_path / "cut.pt")

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "empty.pt").touch()
        with pytest.raises(BadCheckpoint, match="empty"):
            load_model(tmp_path / "empty.pt")

    def test_torchscript_gives_what_torch_itself_reads(self) -> None:
        """torch.jit.load runs the archive's code; what it finds are the same tensors."""
        with pytest.warns(DeprecationWarning, match="TorchScript|torch.jit"):
            theirs = torch.jit.load(VIT, map_location="cpu").state_dict()
        ours = read_weights(VIT)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


class TestWrongFiles:
    def test_tensors_of_something_else(self, tmp_path: Path) -> None:
        torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "other.pt")
        with pytest.raises(BadCheckpoint, match=r"layer\.weight") as caught:
            load_model(tmp_path / "other.pt")
        assert "OpenAI" in caught.value.hint

    def test_a_lacking_tensor_is_named(self, tmp_path: Path) -> None:
        weights = read_weights(VIT)
        del weights["visual.ln_pre.bias"]
        torch.save(weights, tmp_path / "lacking.pt")
        with pytest.raises(BadCheckpoint, match=r"visual\.ln_pre\.bias|ln_pre\.bias"):
            load_model(tmp_path / "lacking.pt")

    def test_a_tensor_too_many_is_named(self, tmp_path: Path) -> None:
        weights = read_weights(VIT)
        weights["visual.transformer.resblocks.0.ls_1.gamma"] = torch.zeros(128)
        torch.save(weights, tmp_path / "more.pt")
        with pytest.raises(BadCheckpoint, match=r"ls_1\.gamma"):
            load_model(tmp_path / "more.pt")

    def test_open_clip_without_its_configuration(self, tmp_path: Path) -> None:
        torch.save({"text.positional_embedding": torch.zeros(2, 2)}, tmp_path / "epoch_1.pt")
        with pytest.raises(BadCheckpoint, match="open_clip") as caught:
            load_model(tmp_path / "epoch_1.pt")
        assert "open_clip_config.json" in caught.value.hint

    @pytest.mark.parametrize(
        ("part", "setting", "value"),
        [
            ("vision_cfg", "timm_model_name", "convnext_base"),
            ("vision_cfg", "attentional_pool", True),
            ("text_cfg", "hf_model_name", "xlm-roberta-base"),
            ("text_cfg", "a_setting_of_tomorrow", 1),
        ],
    )
    def test_an_open_clip_architecture_that_is_not_read(
        self, tmp_path: Path, part: str, setting: str, value: Any
    ) -> None:
        config: dict[str, Any] = {"embed_dim": 32, "vision_cfg": {}, "text_cfg": {}}
        config[part][setting] = value
        checkpoints.write_json(tmp_path / "open_clip_config.json", {"model_cfg": config})
        torch.save(read_weights(VIT), tmp_path / "open_clip_pytorch_model.bin")
        with pytest.raises(BadCheckpoint, match=str(value)):
            load_model(tmp_path)

    @pytest.mark.parametrize("name", ["notes.txt", "photo.jpg"])
    def test_a_file_that_is_no_model(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"hello")
        with pytest.raises(UnknownModel, match="no kind that models come in"):
            load_model(tmp_path / name)

    def test_a_folder_that_is_no_model(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").touch()
        with pytest.raises(UnknownModel, match=r"a\.jpg"):
            load_model(tmp_path)


def rewritten(source: Path, target: Path, replaced: dict[str, bytes]) -> Path:
    """A copy of a zip archive with some members changed, named below its top folder."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            inner = name.partition("/")[2]
            new.writestr(name, replaced.get(inner, old.read(name)))
    return target


def test_rewriting_nothing_changes_nothing(tmp_path: Path) -> None:
    path = rewritten(VIT, tmp_path / "same.pt", {})
    assert read_weights(path).keys() == read_weights(VIT).keys()
    assert io.BytesIO(path.read_bytes()).getbuffer().nbytes > 0
