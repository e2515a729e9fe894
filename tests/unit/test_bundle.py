"""A bundle on disk, its name, its tokenizer and its towers: over the model that is built in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import photosearch
from photosearch.encode.bundle import CHECKSUMS, Bundle, has_han, is_chinese, write_checksums
from photosearch.encode.encoder import BundleEncoder
from photosearch.encode.find import built_in
from photosearch.encode.names import open_encoder
from photosearch.encode.onnx import OnnxImageTower, OnnxTextTower
from photosearch.encode.sources.ready_onnx import adopt
from photosearch.encode.tokenize import TextRules, Tokenizer
from photosearch.encode.towers import normalise
from photosearch.errors import BadBundle, PhotosearchError, UnknownModel
from tests.make import picture

_BUILT_IN = Path(photosearch.__file__).parent / "models" / "mini"
PREPROCESS = {"size": 8, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
FILES = {
    "config.json": json.dumps(
        {"name": "made", "embed_dim": 4, "text_towers": {"en": "textual", "zh": "textual_zh"}}
    ),
    "visual/model.onnx": "image tower",
    "visual/preprocess.json": json.dumps(PREPROCESS),
    "textual/model.onnx": "text tower",
    "textual/tokenizer.json": "tokenizer",
    "textual_zh/model.onnx": "Chinese text tower",
    "textual_zh/tokenizer.json": "Chinese tokenizer",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle that is whole as far as files go; its towers cannot be opened."""
    for name, text in FILES.items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "made"


@pytest.fixture(scope="module")
def mini() -> BundleEncoder:
    encoder = open_encoder("mini")
    assert isinstance(encoder, BundleEncoder)
    return encoder


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.fixture
def immich(tmp_path: Path) -> Path:
    """`mini`'s English half as Immich publishes models: other names, open_clip's config.json."""
    ours, theirs = _BUILT_IN, tmp_path / "immich"
    shutil.copytree(ours / "visual", theirs / "visual")
    shutil.copytree(ours / "textual", theirs / "textual")
    (theirs / "visual" / "preprocess.json").rename(theirs / "visual" / "preprocess_cfg.json")
    write_json(theirs / "textual" / "tokenizer_config.json", {"pad_token": "[PAD]"})
    text = {"context_length": 77, "vocab_size": 30522}
    write_json(theirs / "config.json", {"embed_dim": 512, "vision_cfg": {}, "text_cfg": text})
    return theirs


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


class TestImmich:
    """Exports of others, as they lie on a disk or are adopted from a hub."""

    def test_texts_are_padded_in_full_with_their_own_id(self, immich: Path) -> None:
        (pad,) = (
            one["id"]
            for one in json.loads((immich / "textual" / "tokenizer.json").read_text())[
                "added_tokens"
            ]
            if one["content"] == "[PAD]"
        )
        expected = TextRules(77, padding="context", clean="immich", pad_id=pad)
        assert Bundle(immich).text_rules("en") == expected

    def test_a_token_may_be_written_with_its_properties(self, immich: Path) -> None:
        before = Bundle(immich).text_rules("en")
        pad = {"content": "[PAD]", "special": True}
        write_json(immich / "textual" / "tokenizer_config.json", {"pad_token": pad})
        assert Bundle(immich).text_rules("en") == before

    def test_siglip_reads_texts_without_case_and_signs(self, immich: Path) -> None:
        text = {"context_length": 64, "tokenizer_kwargs": {"clean": "canonicalize"}}
        write_json(immich / "config.json", {"embed_dim": 512, "text_cfg": text})
        rules = Bundle(immich).text_rules("en")
        assert (rules.context_length, rules.clean) == (64, "immich-canonicalize")

    def test_it_is_a_model_like_any_other(self, immich: Path, mini: BundleEncoder) -> None:
        """Padding is masked: what it sees of a text is what `mini` sees."""
        encoder = open_encoder(str(immich))
        photo = picture(1, (300, 200))
        assert encoder.encode_images([photo]) == pytest.approx(mini.encode_images([photo]))
        own, theirs = (one.encode_texts(["a dog on a beach"]) for one in (mini, encoder))
        assert float((own @ theirs.T).item()) > 0.99

    def test_adopted_it_keeps_what_was_found_out(self, immich: Path, tmp_path: Path) -> None:
        adopt(immich, tmp_path / "made", name="theirs", source={"repository": "hf:a/b"})
        made = Bundle(tmp_path / "made")
        assert made.name == "theirs"
        assert made.text_rules("en") == Bundle(immich).text_rules("en")
        assert made.key == Bundle(immich).key
        made.verify()

    @pytest.mark.parametrize("text", ["{", "[]", '{"version": "1.0"}'])
    def test_a_damaged_tokenizer_is_a_bad_bundle(self, immich: Path, text: str) -> None:
        (immich / "textual" / "tokenizer.json").write_text(text)
        with pytest.raises(BadBundle, match=r"tokenizer\.json"):
            Bundle(immich).text_rules("en")


class TestFiles:
    def test_a_whole_bundle(self, folder: Path) -> None:
        bundle = Bundle(folder)
        assert (bundle.name, bundle.dim) == ("made", 4)
        assert bundle.text_towers == {"en": "textual", "zh": "textual_zh"}
        bundle.verify()

    @pytest.mark.parametrize("name", FILES)
    def test_a_missing_file_is_named(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(BadBundle) as caught:
            Bundle(folder)
        assert name in str(caught.value)
        assert str(folder) in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "[]",
            "{}",
            '{"embed_dim": null}',
            '{"embed_dim": "many"}',
            '{"embed_dim": 4, "text_towers": ["textual"]}',
            '{"embed_dim": 4, "keys": ["visual"]}',
        ],
        ids=["cut", "list", "no-dim", "null-dim", "dim-text", "towers-list", "keys-list"],
    )
    def test_an_unusable_config_is_a_bad_bundle(self, folder: Path, text: str) -> None:
        (folder / "config.json").write_text(text)
        with pytest.raises(BadBundle, match=r"config\.json"):
            Bundle(folder)

    def test_one_text_tower_is_english_unless_told(self, folder: Path) -> None:
        (folder / "config.json").write_text('{"embed_dim": 4}')
        bundle = Bundle(folder)
        assert bundle.text_towers == {"en": "textual"}
        assert bundle.name == "made"  # the folder's

    def test_text_rules(self, folder: Path) -> None:
        assert Bundle(folder).text_rules("en") == TextRules(77)
        chinese = {"context_length": 40, "clean": "lower", "languages": ["zh"]}
        change_config(folder, context_length=64, textual_zh_cfg=chinese)
        rules = [Bundle(folder).text_rules(language) for language in ("en", "zh")]
        assert rules == [TextRules(64), TextRules(40, clean="lower")]

    @pytest.mark.parametrize(
        "values", [{"logit_scale": "large"}, {"logit_scale": [1]}, {"logit_bias": {}}], ids=str
    )
    def test_an_unusable_scale_is_a_bad_bundle(self, folder: Path, values: dict[str, Any]) -> None:
        change_config(folder, **values)
        with pytest.raises(BadBundle, match=r"config\.json: logit_scale"):
            Bundle(folder).scoring("en")

    @pytest.mark.parametrize("text", ['{"languages": ["en"]}', "[]", '{"languages": {"en": 5}}'])
    def test_an_unusable_calibration_is_a_bad_bundle(self, folder: Path, text: str) -> None:
        (folder / "calibration.json").write_text(text)
        with pytest.raises(BadBundle, match=r"calibration\.json"):
            Bundle(folder).scoring("en")

    @pytest.mark.parametrize(
        "rules", [{"context_length": "many"}, {"clean": "?"}, ["clean"], "lower"], ids=str
    )
    def test_unusable_text_rules_are_a_bad_bundle(self, folder: Path, rules: Any) -> None:
        change_config(folder, textual_cfg=rules)
        with pytest.raises(BadBundle, match=r"config\.json"):
            Bundle(folder).text_rules("en")


class TestSums:
    def test_of_a_whole_bundle(self, folder: Path) -> None:
        write_checksums(folder)
        Bundle(folder).verify()
        assert set(json.loads((folder / CHECKSUMS).read_text())) == set(FILES)

    @pytest.mark.parametrize("name", FILES)
    def test_an_altered_file_is_noticed(self, folder: Path, name: str) -> None:
        write_checksums(folder)
        (folder / name).write_text(FILES[name] + " ")
        with pytest.raises(BadBundle, match=name):
            Bundle(folder).verify()

    def test_a_file_that_is_gone_is_noticed(self, folder: Path) -> None:
        (folder / "calibration.json").write_text("{}")
        write_checksums(folder)
        (folder / "calibration.json").unlink()
        with pytest.raises(BadBundle, match=r"calibration\.json"):
            Bundle(folder).verify()

    def test_the_built_in_model_is_whole(self, mini: BundleEncoder) -> None:
        assert (mini.bundle.path / CHECKSUMS).is_file()
        mini.bundle.verify()


class TestKeys:
    @staticmethod
    def keys(folder: Path) -> tuple[str, str, str]:
        bundle = Bundle(folder)
        return bundle.key, bundle.text_key("en"), bundle.text_key("zh")

    @pytest.mark.parametrize(
        ("name", "changed"),
        [
            ("visual/model.onnx", (True, False, False)),
            ("visual/preprocess.json", (True, False, False)),
            ("textual/model.onnx", (False, True, False)),
            ("textual_zh/tokenizer.json", (False, False, True)),
        ],
    )
    def test_follow_the_content_of_their_own_files(
        self, folder: Path, name: str, changed: tuple[bool, bool, bool]
    ) -> None:
        before = self.keys(folder)
        (folder / name).write_text(FILES[name].replace("o", "0").replace("8", "9"))
        after = self.keys(folder)
        assert tuple(a != b for a, b in zip(before, after, strict=True)) == changed

    def test_do_not_follow_names_and_places(self, folder: Path) -> None:
        before = self.keys(folder)
        change_config(folder, name="other", version="2")
        moved = folder.rename(folder.with_name("moved"))
        assert self.keys(moved) == before

    def test_are_the_same_with_recorded_sums(self, folder: Path) -> None:
        before = self.keys(folder)
        write_checksums(folder)
        assert self.keys(folder) == before

    def test_towers_of_one_content_are_one_key(self, folder: Path) -> None:
        for name in ("model.onnx", "tokenizer.json"):
            shutil.copyfile(folder / "textual" / name, folder / "textual_zh" / name)
        assert len(set(self.keys(folder)[1:])) == 1


class TestLanguages:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("a dog on a beach", "en"),
            ("一", "zh"),  # the first of its block, and the last
            ("鿿", "zh"),
            ("海滩上的狗", "zh"),
            ("a photo of 海", "en"),
            ("㐀", "zh"),
            ("𠀀", "zh"),
            ("café, naïve", "en"),
            ("かな", "en"),
            ("собака", "en"),
            ("，。！", "en"),
            ("", "en"),
            ("\udce4", "en"),
        ],
    )
    def test_by_script(self, folder: Path, text: str, language: str) -> None:
        assert Bundle(folder).language_of(text) == language

    def test_as_wanted(self, folder: Path) -> None:
        assert Bundle(folder).language_of("海", "en") == "en"
        assert Bundle(folder).language_of("dog", "zh") == "zh"

    def test_one_that_the_model_lacks(self, folder: Path) -> None:
        with pytest.raises(BadBundle, match="'fr'") as caught:
            Bundle(folder).language_of("chien", "fr")
        assert "en, zh" in caught.value.hint

    def test_a_model_without_chinese_reads_it_with_its_first_tower(self, folder: Path) -> None:
        change_config(folder, text_towers={"fr": "textual"})
        assert Bundle(folder).language_of("海") == "fr"

    @given(st.text())
    def test_has_han_is_about_any_of_the_characters(self, text: str) -> None:
        assert has_han(text) == any(map(has_han, text))
        assert has_han(text + "狗")

    @pytest.mark.parametrize(
        ("text", "chinese"),
        [
            ("猫", True), ("猫 cat", True), ("iPhone 拍的海滩", True), ("2021年 London 日落", True),
            ("a photo of 小明 on the beach", False), ("beach", False), ("ねこ", False), ("", False),
        ],
    )  # fmt: skip
    def test_a_name_in_chinese_leaves_an_english_text_english(
        self, text: str, chinese: bool
    ) -> None:
        assert is_chinese(text) == chinese


class TestNames:
    def test_mini_is_known_and_open(self, mini: BundleEncoder) -> None:
        assert "mini" in built_in()
        assert (mini.name, mini.dim, mini.key) == ("mini", 512, mini.bundle.key)

    def test_a_bundles_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder.parent)
        encoder = open_encoder("./made")
        assert encoder.name == str(folder.resolve())
        assert encoder.key == Bundle(folder).key

    def test_a_folder_named_like_a_built_in_model_needs_a_path(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, mini: BundleEncoder
    ) -> None:
        folder.rename(folder.with_name("mini"))
        monkeypatch.chdir(folder.parent)
        assert open_encoder("mini").key == mini.key
        assert open_encoder("./mini").key != mini.key

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("Mini", "mini"),
            ("minni", "mini"),
            ("zzzzzzzz", "photosearch models list"),
        ],
    )
    def test_an_unknown_name_suggests(self, name: str, hint: str) -> None:
        with pytest.raises(UnknownModel, match=name) as caught:
            open_encoder(name)
        assert hint in caught.value.hint

    def test_a_file_is_no_bundle(self, folder: Path) -> None:
        with pytest.raises(UnknownModel, match="file of no kind that models come in"):
            open_encoder(str(folder / "config.json"))

    def test_a_folder_that_is_no_bundle(self, tmp_path: Path) -> None:
        with pytest.raises(UnknownModel, match="holds no model: there is nothing"):
            open_encoder(str(tmp_path))

    @pytest.mark.parametrize(
        "name", ["x" * 300, "~no-such-user/model", "\0"], ids=["too-long", "no-user", "nul"]
    )
    def test_a_name_that_no_path_can_have_is_unknown(self, name: str) -> None:
        with pytest.raises(UnknownModel):
            open_encoder(name)


@pytest.fixture(scope="module")
def tokenizer(mini: BundleEncoder) -> Tokenizer:
    return Tokenizer(mini.bundle.path / "textual" / "tokenizer.json", TextRules(64))


class TestTokenizer:
    def test_pads_to_the_longest_text_of_the_call(self, tokenizer: Tokenizer) -> None:
        ids, mask = tokenizer(["dog", "a dog on a wide beach"])
        assert ids.shape == mask.shape
        assert ids.dtype == mask.dtype == np.int64
        alone, _ = tokenizer(["dog"])
        assert alone.shape[1] < ids.shape[1]
        assert ids[0, : alone.shape[1]].tolist() == alone[0].tolist()
        assert mask[0].tolist() == [1] * alone.shape[1] + [0] * (ids.shape[1] - alone.shape[1])
        assert mask[1].all()

    def test_cuts_at_the_models_length(self, tokenizer: Tokenizer) -> None:
        ids, _ = tokenizer(["dog " * 1000])
        assert ids.shape == (1, 64)

    def test_a_damaged_file_is_a_bad_bundle(self, folder: Path) -> None:
        with pytest.raises(BadBundle, match=r"tokenizer\.json"):
            Tokenizer(folder / "textual" / "tokenizer.json", TextRules())


TEXTS = [
    "a dog",
    "two children playing football on a muddy field in the rain",
    "red",
    "a",
    "",
    "MIDI keyboard, 61 keys; \t\n!",
    "狗",
    "海滩上有一只棕色的狗在跑",
]


@pytest.fixture(scope="module")
def text_vectors(mini: BundleEncoder) -> np.ndarray:
    return mini.encode_texts(TEXTS)


class TestTextTowers:
    def test_rows_are_unit_vectors(self, text_vectors: np.ndarray) -> None:
        assert text_vectors.shape == (len(TEXTS), 512)
        assert text_vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(text_vectors, axis=1), 1, atol=1e-5)

    @pytest.mark.parametrize(
        "text", TEXTS, ids=["short", "long", "word", "letter", "empty", "signs", "zh", "zh-long"]
    )
    def test_a_text_in_a_batch_is_the_text_alone(
        self, mini: BundleEncoder, text_vectors: np.ndarray, text: str
    ) -> None:
        alone = mini.encode_texts([text])[0]
        np.testing.assert_allclose(alone, text_vectors[TEXTS.index(text)], atol=1e-3)

    def test_order_is_kept_across_languages_and_batches(
        self, mini: BundleEncoder, text_vectors: np.ndarray
    ) -> None:
        count = 19  # of each text: many more than there are cores
        many = mini.encode_texts(TEXTS * count)
        np.testing.assert_allclose(many, np.tile(text_vectors, (count, 1)), atol=1e-3)
        turned = mini.encode_texts(TEXTS[::-1])
        np.testing.assert_allclose(turned[::-1], text_vectors, atol=1e-3)

    def test_different_texts_are_different_vectors(self, text_vectors: np.ndarray) -> None:
        likeness = text_vectors @ text_vectors.T
        np.fill_diagonal(likeness, 0)
        assert likeness.max() < 0.99

    def test_two_languages_share_one_space(self, mini: BundleEncoder) -> None:
        english = mini.encode_texts(["a dog", "a child", "a horse"])
        chinese = mini.encode_texts(["一只狗", "一个孩子", "一匹马"])
        assert (english @ chinese.T).argmax(axis=1).tolist() == [0, 1, 2]

    def test_a_wanted_language_is_used(self, mini: BundleEncoder) -> None:
        by_script = mini.encode_texts(["狗"])[0]
        assert not np.allclose(mini.encode_texts(["狗"], language="en")[0], by_script, atol=0.1)
        assert np.allclose(mini.text("zh").encode(["狗"])[0], by_script, atol=1e-6)

    def test_nothing_in_nothing_out(self, mini: BundleEncoder) -> None:
        assert mini.encode_texts([]).shape == (0, 512)
        assert mini.text("en").encode([]).shape == (0, 512)

    @settings(deadline=None, max_examples=30)
    @given(st.text(max_size=300))
    def test_any_text_gives_a_unit_vector(self, mini: BundleEncoder, text: str) -> None:
        (vector,) = mini.encode_texts([text])
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)

    def test_a_text_with_bytes_that_are_no_utf8(self, mini: BundleEncoder) -> None:
        # So does Python hand over an argument of the command line that is no UTF-8.
        try:
            (vector,) = mini.encode_texts(["caf\udce9"])
        except PhotosearchError:
            return
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


@pytest.fixture(scope="module")
def pixels(mini: BundleEncoder) -> np.ndarray:
    resize = mini.image.preprocess.resize
    return np.stack([resize(picture(seed, (120 + 30 * seed, 100))) for seed in range(5)])


@pytest.fixture(scope="module")
def image_vectors(mini: BundleEncoder, pixels: np.ndarray) -> np.ndarray:
    return mini.image.encode(pixels)


class TestImageTower:
    def test_rows_are_unit_vectors(self, image_vectors: np.ndarray) -> None:
        assert image_vectors.shape == (5, 512)
        assert image_vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(image_vectors, axis=1), 1, atol=1e-5)

    def test_a_picture_in_a_batch_is_the_picture_alone_in_order(
        self, mini: BundleEncoder, pixels: np.ndarray, image_vectors: np.ndarray
    ) -> None:
        alone = np.concatenate([mini.image.encode(one[np.newaxis]) for one in pixels])
        np.testing.assert_allclose(alone, image_vectors, atol=1e-3)
        np.testing.assert_allclose(mini.image.encode(pixels[::-1])[::-1], image_vectors, atol=1e-3)

    def test_different_pictures_are_different_vectors(self, image_vectors: np.ndarray) -> None:
        likeness = image_vectors @ image_vectors.T
        np.fill_diagonal(likeness, 0)
        assert likeness.max() < 0.999

    def test_a_tower_opened_anew_gives_the_same_to_the_bit(
        self, mini: BundleEncoder, pixels: np.ndarray, image_vectors: np.ndarray
    ) -> None:
        tower = OnnxImageTower(mini.bundle)
        assert (tower.key, tower.dim) == (mini.key, 512)
        alone = np.concatenate([tower.encode(pixels[at : at + 1]) for at in range(len(pixels))])
        np.testing.assert_array_equal(alone, image_vectors)

    def test_nothing_in_nothing_out(self, mini: BundleEncoder, pixels: np.ndarray) -> None:
        assert mini.image.encode(pixels[:0]).shape == (0, 512)


class TestOpening:
    def test_towers_are_opened_once(self, mini: BundleEncoder) -> None:
        assert mini.image is mini.image
        assert mini.text("zh") is mini.text("zh")
        assert mini.text("zh") is not mini.text("en")

    @pytest.mark.parametrize(
        "tower",
        [OnnxImageTower, lambda bundle: OnnxTextTower(bundle, "en")],
        ids=["image", "text"],
    )
    def test_a_damaged_model_is_a_bad_bundle(
        self, folder: Path, mini: BundleEncoder, tower: Callable[[Bundle], object]
    ) -> None:
        shutil.copyfile(
            mini.bundle.path / "textual" / "tokenizer.json", folder / "textual" / "tokenizer.json"
        )
        with pytest.raises(BadBundle, match=r"model\.onnx: ONNX Runtime cannot open it") as caught:
            tower(Bundle(folder))
        assert "\n" not in str(caught.value)

    def test_either_tower_opens_without_the_other(self, folder: Path, mini: BundleEncoder) -> None:
        for name in ("model.onnx", "tokenizer.json"):
            shutil.copyfile(mini.bundle.path / "textual_zh" / name, folder / "textual_zh" / name)
        change_config(folder, embed_dim=512)
        vectors = open_encoder(str(folder)).encode_texts(["狗"])  # the image tower is damaged
        np.testing.assert_allclose(vectors, mini.encode_texts(["狗"]), atol=1e-3)

    def test_vectors_of_another_width_than_promised(
        self, folder: Path, mini: BundleEncoder
    ) -> None:
        for name in ("model.onnx", "tokenizer.json"):
            shutil.copyfile(mini.bundle.path / "textual_zh" / name, folder / "textual_zh" / name)
        with pytest.raises(BadBundle, match=r"\(1, 512\), not \[n, 4\]"):
            open_encoder(str(folder)).encode_texts(["狗"])


def test_normalise() -> None:
    rows = np.array([[3, 4], [0, 0], [-1e-3, 0]], np.float32)
    np.testing.assert_allclose(normalise(rows), [[0.6, 0.8], [0, 0], [-1, 0]], atol=1e-6)
    assert normalise(rows).dtype == np.float32
