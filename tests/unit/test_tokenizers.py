"""Texts to token ids: equal to those of the reference implementations, token for token.

`tests/golden/openai_tokenizer.json` has what openai/CLIP gives. The checkpoints beside the
repository come with the ids of their references, too; without them those tests are skipped.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as PlainTokenizer
from tokenizers.decoders import ByteLevel
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

import photosearch
from photosearch.encode.bundle import Bundle
from photosearch.encode.clean import clean
from photosearch.encode.clip_bpe import clip_tokenizer_json
from photosearch.encode.spiece import tokenizer_json_from_spiece
from photosearch.encode.tokenize import TextRules, Tokenizer
from photosearch.errors import BadBundle
from tests.make import shared_golden

OPENAI = json.loads((Path(__file__).parents[1] / "golden" / "openai_tokenizer.json").read_text())
GOLDEN = shared_golden()
needs_golden = pytest.mark.skipif(
    GOLDEN is None, reason="no checkpoints with answers in PHOTOSEARCH_TEST_GOLDEN"
)
MakeTokenizer = Callable[[str, TextRules], Tokenizer]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MakeTokenizer:
    """Opens a tokenizer.json of this text."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"

    def make(text: str, rules: TextRules) -> Tokenizer:
        path.write_text(text, encoding="utf-8")
        return Tokenizer(path, rules)

    return make


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    ids, _ = tokenizer([text])
    return [int(number) for number in ids[0]]


def answers(folder: str) -> list[tuple[str, list[int]]]:
    """Texts of a checkpoint, and the ids of its reference."""
    assert GOLDEN is not None
    cases = json.loads((GOLDEN / folder / "tokens.json").read_text(encoding="utf-8"))
    return [(case["text"], case["ids"]) for case in cases]


class TestRules:
    def test_of_an_empty_config(self) -> None:
        assert TextRules.from_config({}) == TextRules(77, "longest", "none", None)

    @pytest.mark.parametrize(
        "rules", [TextRules(), TextRules(64, "context", "siglip", 1), TextRules(pad_id=0)]
    )
    def test_go_through_a_config(self, rules: TextRules) -> None:
        assert TextRules.from_config(json.loads(json.dumps(rules.as_config()))) == rules

    def test_leave_other_things_alone(self) -> None:
        config = {"context_length": 40, "languages": ["zh"], "backbone": "2 layers"}
        assert TextRules.from_config(config) == TextRules(40)

    @pytest.mark.parametrize(
        "config",
        [
            {"context_length": 0},
            {"context_length": "77"},
            {"context_length": True},
            {"context_length": None},
            {"context_length": 7.5},
            {"pad_id": -1},
            {"pad_id": "0"},
            {"padding": "left"},
            {"padding": None},
            {"clean": "lowercase"},
            {"clean": {}},
        ],
        ids=str,
    )
    def test_nonsense_is_refused(self, config: dict[str, Any]) -> None:
        with pytest.raises((ValueError, TypeError)):
            TextRules.from_config(config)


@pytest.fixture(scope="module")
def words() -> PlainTokenizer:
    """A tokenizer of words, without tokens at the ends."""
    known = ["?", "a", "dog", "and", "cat"]
    tokenizer = PlainTokenizer(
        WordLevel({word: at for at, word in enumerate(known)}, unk_token="?")
    )
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


class TestTokenizer:
    @pytest.fixture
    def file(self, words: PlainTokenizer, tmp_path: Path) -> Path:
        words.save(str(tmp_path / "tokenizer.json"))
        return tmp_path / "tokenizer.json"

    @pytest.mark.parametrize(
        ("rules", "ids", "mask"),
        [
            (TextRules(5), [[1, 2, 0], [4, 0, 0]], [[1, 1, 1], [1, 0, 0]]),
            (TextRules(5, pad_id=9), [[1, 2, 0], [4, 9, 9]], [[1, 1, 1], [1, 0, 0]]),
            (
                TextRules(5, "context", pad_id=9),
                [[1, 2, 0, 9, 9], [4, 9, 9, 9, 9]],
                [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]],
            ),
            (TextRules(2), [[1, 2], [4, 0]], [[1, 1], [1, 0]]),
            (TextRules(clean="immich-canonicalize"), [[1, 2], [4, 0]], [[1, 1], [1, 0]]),
        ],
        ids=["longest", "pad id", "context", "cut", "cleaned"],
    )
    def test_ids_and_mask(
        self, file: Path, rules: TextRules, ids: list[list[int]], mask: list[list[int]]
    ) -> None:
        found = Tokenizer(file, rules)(["a dog !", "cat"])
        assert [one.tolist() for one in found] == [ids, mask]
        assert [one.dtype for one in found] == [np.int64, np.int64]

    def test_the_files_own_padding_and_length(self, words: PlainTokenizer, tmp_path: Path) -> None:
        path = tmp_path / "own.json"
        own = PlainTokenizer.from_str(words.to_str())
        own.enable_padding(length=7, pad_id=3, pad_token="and", direction="left")
        own.enable_truncation(2, direction="left")
        own.save(str(path))
        texts = ["a dog and a cat", "cat"]
        assert Tokenizer(path, TextRules())(texts)[0].tolist() == [[1, 2], [4, 3]]
        assert Tokenizer(path, TextRules(pad_id=0))(texts)[0].tolist() == [[1, 2], [4, 0]]

    @pytest.mark.parametrize(("padding", "width"), [("longest", 0), ("context", 5)])
    def test_empty_texts_and_none(self, file: Path, padding: str, width: int) -> None:
        tokenizer = Tokenizer(file, TextRules(5, padding))
        for texts in ([], [""], ["", " "]):
            assert [one.shape for one in tokenizer(texts)] == [(len(texts), width)] * 2
        assert not tokenizer([""])[1].any()

    def test_half_a_character_is_a_question_mark(self, file: Path) -> None:
        assert ids_of(Tokenizer(file, TextRules()), "a \udce9") == [1, 0]

    def test_no_tokens_for_a_text(self, words: PlainTokenizer, tmp_path: Path) -> None:
        content = json.loads(words.to_str())
        del content["model"]["vocab"]["?"]
        (tmp_path / "none.json").write_text(json.dumps(content))
        tokenizer = Tokenizer(tmp_path / "none.json", TextRules())
        with pytest.raises(BadBundle, match=r"none\.json: no tokens"):
            tokenizer(["bird"])

    def test_no_room_for_its_own_tokens(self, made: MakeTokenizer) -> None:
        with pytest.raises(BadBundle, match="do not fit into 1 "):
            made(clip_tokenizer_json(), TextRules(1))
        assert ids_of(made(clip_tokenizer_json(), TextRules(2)), "a dog") == [49406, 49407]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "en",
            {
                "": [101, 102],
                "a dog": [101, 1037, 3899, 102],
                "Two CHILDREN, playing!": [101, 2048, 2336, 1010, 2652, 999, 102],
                "café 狗": [101, 7668, 100, 102],
            },
        ),
        (
            "zh",
            {
                "": [],
                "狗": [4069],
                "海滩上有一只棕色的狗，在跑": [8424, 2978, 8116, 8047, 1258, 6550],
                "a photo of 海 2024": [17, 32, 24, 31, 36, 31, 31, 22, 3602, 9, 7, 9, 11],
            },
        ),
    ],
)
def test_ids_of_the_built_in_model(language: str, texts: dict[str, list[int]]) -> None:
    bundle = Bundle(Path(photosearch.__file__).parent / "models" / "mini")
    rules = bundle.text_rules(language)
    tokenizer = Tokenizer(bundle.path / bundle.text_towers[language] / "tokenizer.json", rules)
    assert {text: ids_of(tokenizer, text) for text in texts} == texts
    ids, mask = tokenizer(list(texts))
    for row, expected in enumerate(texts.values()):
        assert ids[row].tolist() == expected + [0] * (ids.shape[1] - len(expected))
        assert mask[row].sum() == len(expected)
    assert len(ids_of(tokenizer, "狗 dog " * 100)) == {"en": 64, "zh": 40}[language]


VOCABULARY: dict[str, int] = json.loads(clip_tokenizer_json())["model"]["vocab"]


@pytest.fixture(scope="module")
def everything(made: MakeTokenizer) -> Tokenizer:
    """CLIP's tokenizer for texts of any length."""
    return made(clip_tokenizer_json(), TextRules(1_000_000, clean="clip"))


@pytest.fixture(scope="module")
def clip(made: MakeTokenizer) -> Tokenizer:
    return made(clip_tokenizer_json(), TextRules(clean="clip", pad_id=0))


class TestClip:
    @pytest.mark.parametrize("case", OPENAI["cases"], ids=lambda case: ascii(case["text"])[:40])
    def test_ids_are_those_of_openai(self, clip: Tokenizer, case: dict[str, Any]) -> None:
        assert ids_of(clip, case["text"]) == case["ids"]

    def test_in_one_batch_as_well(self, clip: Tokenizer) -> None:
        ids, mask = clip([case["text"] for case in OPENAI["cases"]])
        for row, case in enumerate(OPENAI["cases"]):
            count = len(case["ids"])
            assert ids[row, :count].tolist() == case["ids"]
            assert not ids[row, count:].any()
            assert mask[row].tolist() == [1] * count + [0] * (ids.shape[1] - count)

    def test_a_cut_text_keeps_its_end(self, made: MakeTokenizer) -> None:
        case = OPENAI["context_length_8"]
        cut = made(clip_tokenizer_json(), TextRules(8, clean="clip"))
        assert ids_of(cut, case["text"]) == case["ids"]

    def test_the_file(self) -> None:
        assert sorted(VOCABULARY.values()) == list(range(49408))
        assert len(json.loads(clip_tokenizer_json())["model"]["merges"]) == 48894
        assert [VOCABULARY[token] for token in ("!", "a</w>", "<|endoftext|>")] == [0, 320, 49407]

    @settings(max_examples=300, deadline=None)
    @example("!<|x|> 'ſ don't DON'T")
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_tokens_spell_the_cleaned_text(self, everything: Tokenizer, text: str) -> None:
        names = {number: name for name, number in VOCABULARY.items()}
        start, *inner, end = ids_of(everything, text)
        spelt = ByteLevel().decode([names[number].removesuffix("</w>") for number in inner])
        assert (start, end) == (49406, 49407)
        assert spelt == "".join(clean(text, "clip").split())

    @needs_golden
    @pytest.mark.parametrize("folder", ["openclip/vit_gelu", "openclip/vit_quickgelu"])
    def test_ids_are_those_of_open_clip(self, made: MakeTokenizer, folder: str) -> None:
        clip = made(clip_tokenizer_json(), TextRules(77, "context", "clip", 0))
        for text, ids in answers(folder):
            assert ids_of(clip, text) == ids


@needs_golden
@pytest.mark.parametrize(
    ("folder", "rules"),
    [
        ("hf/clip", TextRules(77, pad_id=1999)),
        ("hf/clip_legacy_bin", TextRules(77, pad_id=1999)),
        ("hf/chinese_clip", TextRules(52, pad_id=0)),
        ("hf/siglip2_naflex", TextRules(64, "context", pad_id=0)),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_ids_are_those_of_transformers(made: MakeTokenizer, folder: str, rules: TextRules) -> None:
    transformers = pytest.importorskip("transformers")
    assert GOLDEN is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = transformers.AutoTokenizer.from_pretrained(str(GOLDEN / folder))
    tokenizer = made(theirs.backend_tokenizer.to_str(), rules)
    assert {text: ids_of(tokenizer, text) for text, _ in answers(folder)} == dict(answers(folder))


# --- SentencePiece. Files by hand: the wire format of protocol buffers, field by field.


def varint(value: int) -> bytes:
    head = b""
    while value > 0x7F:
        head += bytes([value & 0x7F | 0x80])
        value >>= 7
    return head + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def score(field: int, value: float) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<f", value)


NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
PIECES: list[tuple[str, float, int]] = [
    ("<pad>", 0, CONTROL),
    ("</s>", 0, CONTROL),
    ("<unk>", 0, UNKNOWN),
    ("▁a", -1, NORMAL),
    ("▁dog", -2, NORMAL),
    ("▁", -3, NORMAL),
    ("d", -4, NORMAL),
    ("o", -4, NORMAL),
    ("g", -4, NORMAL),
    ("do", -5, NORMAL),
    ("a", -4, NORMAL),
    ("s", -4, NORMAL),
    ("og", -0.5, UNUSED),
]
A, DOG, SPACE = 3, 4, 5


def piece(text: str, points: float, kind: int) -> bytes:
    return block(1, text.encode()) + score(2, points) + (number(3, kind) if kind != 1 else b"")


def spiece(
    pieces: list[tuple[str, float, int]] = PIECES, trainer: bytes = b"", normalizer: bytes = b""
) -> bytes:
    """A model file, with fields in it that do not matter."""
    parts = [block(1, piece(*one)) for one in pieces]
    parts.append(block(2, number(3, 1) + block(45, b"<unk>") + trainer))
    parts.append(block(3, block(1, b"made by hand") + normalizer))
    parts.append(varint(99 << 3 | 1) + bytes(8))  # eight bytes of a later version
    return b"".join(parts)


def charsmap() -> bytes:
    """A map of one character, "A" to "a": root, "A", its end, all 256 places apart."""
    units = [0] * 512
    units[0] = 256 << 10
    units[256 ^ 0x41] = 256 << 10 | 0x100 | 0x41
    units[0x41] = 1 << 31
    trie = struct.pack("<512I", *units)
    return struct.pack("<I", len(trie)) + trie + b"a\0"


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., str]:
    def convert(data: bytes, **options: Any) -> str:
        path = tmp_path / "spiece.model"
        path.write_bytes(data)
        return tokenizer_json_from_spiece(path, **options)

    return convert


class TestSpieceByHand:
    @pytest.mark.parametrize(
        ("text", "ids"),
        [
            ("", []),
            ("  ", []),
            ("a dog", [A, DOG]),
            ("  a   dog ", [A, DOG]),
            ("dogs", [DOG, 11]),
            ("do", [SPACE, 9]),
            ("adog", [A, 9, 8]),  # the unused "og" is none
            ("a xyz dog", [A, SPACE, 2, DOG]),  # one unknown, however long
            ("a</s>dog", [A, 1, 9, 8]),  # what goes on after it is no new word
            ("<pad>", [SPACE, 2, 10, 6, 2]),  # not asked for
        ],
    )
    def test_unigram(
        self, made: MakeTokenizer, convert: Callable[..., str], text: str, ids: list[int]
    ) -> None:
        tokenizer = made(convert(spiece()), TextRules(64))
        assert ids_of(tokenizer, text) == [*ids, 1]

    @pytest.mark.parametrize(
        ("normalizer", "text", "ids"),
        [
            (number(3, 0), "dog", [9, 8]),
            (number(3, 0), "  dog dog", [9, 8, DOG]),
            (number(4, 0), "dog", [DOG]),
            (number(4, 0), " dog  a ", [SPACE, DOG, SPACE, A, SPACE]),
            (number(5, 0), "a dog", [2, 10, 2, 9, 8]),
            (block(2, charsmap()), "A dAg", [A, SPACE, 6, 10, 8]),
            (b"", "A dAg", [SPACE, 2, SPACE, 6, 2, 8]),
        ],
        ids="no-prefix no-prefix-spaces spaces-kept all-of-them not-escaped map no-map".split(),
    )
    def test_normalisation(
        self,
        made: MakeTokenizer,
        convert: Callable[..., str],
        normalizer: bytes,
        text: str,
        ids: list[int],
    ) -> None:
        content = convert(spiece(normalizer=normalizer), in_text=(), end=None)
        assert ids_of(made(content, TextRules(64)), text) == ids

    def test_nothing_special_in_a_text(
        self, made: MakeTokenizer, convert: Callable[..., str]
    ) -> None:
        tokenizer = made(convert(spiece(), in_text=()), TextRules(64))
        assert ids_of(tokenizer, "a</s>dog") == [A, 2, 11, 2, 9, 8, 1]

    def test_bytes_for_the_unknown(self, made: MakeTokenizer, convert: Callable[..., str]) -> None:
        pieces = PIECES + [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
        content = convert(spiece(pieces, number(35, 1)))
        first = len(PIECES)
        assert ids_of(made(content, TextRules()), "é") == [SPACE, first + 0xC3, first + 0xA9, 1]

    def test_byte_pairs(self, made: MakeTokenizer, convert: Callable[..., str]) -> None:
        pieces = [*PIECES[:-1], ("▁do", -1.5, NORMAL)]
        tokenizer = made(convert(spiece(pieces, number(3, 2))), TextRules())
        assert ids_of(tokenizer, "a dog ado zz") == [A, DOG, A, 9, SPACE, 2, 1]

    def test_in_the_context_of_siglip(
        self, made: MakeTokenizer, convert: Callable[..., str]
    ) -> None:
        tokenizer = made(convert(spiece()), TextRules(6, "context", "siglip", 1))
        assert ids_of(tokenizer, "A  dog!") == [A, DOG, 1, 1, 1, 1]
        assert ids_of(tokenizer, "a " * 9) == [A, A, A, A, A, 1]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "no pieces"),
            (b"\x80" * 11, "more than ten bytes"),
            (b"\x80", "cut off"),
            (block(1, b"")[:-1] + b"\x05", "cut off"),
            (b"\x0b", "kind 3"),
            (spiece()[:-1], "cut off"),
            (number(1, 5), "another kind"),
            (block(2, block(3, b"")), "another kind"),
            (spiece([*PIECES, ("▁a", -1, NORMAL)]), "twice"),
            (spiece(PIECES[3:]), "exactly one piece"),
            (spiece([*PIECES, ("⁇", 0, UNKNOWN)]), "exactly one piece"),
            (spiece([*PIECES, ("", 0, NORMAL)]), "13 has no text"),
            (spiece([*PIECES, ("b", float("nan"), NORMAL)]), "score nan"),
            (spiece(PIECES[2:]), "no piece '</s>'"),
            (block(1, block(1, b"\xff")), "no UTF-8"),
            (spiece(trainer=number(3, 3)), "neither"),
            (spiece(trainer=number(24, 1)), "ends of words"),
            (spiece(normalizer=block(2, b"\1")), "map of characters is cut"),
            (spiece(normalizer=block(2, charsmap()[:-9])), "map of characters is cut"),
            (spiece(normalizer=block(2, charsmap()[:-2])), "leads nowhere"),
            (spiece(normalizer=block(2, charsmap()[:-2] + b"\xc3\0")), "no UTF-8"),
        ],
    )
    def test_a_damaged_file_is_told(
        self, convert: Callable[..., str], data: bytes, reason: str
    ) -> None:
        with pytest.raises(ValueError, match=r"spiece\.model is not a usable") as caught:
            convert(data)
        assert reason in str(caught.value)

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_a_changed_file_is_told_or_read(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        content = bytearray(spiece(normalizer=block(2, charsmap())))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.getbasetemp() / "changed.model"
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            text = tokenizer_json_from_spiece(path, end=None)
        except ValueError:
            return
        path.write_text(text, encoding="utf-8")
        Tokenizer(path, TextRules())(["A dog é", "\0\x80Aé"])

    def test_needs_no_other_library(self, tmp_path: Path) -> None:
        (tmp_path / "spiece.model").write_bytes(spiece())
        code = (
            "import sys; from pathlib import Path;"
            "from photosearch.encode.spiece import tokenizer_json_from_spiece as convert;"
            "from photosearch.encode.tokenize import Tokenizer, TextRules;"
            "Tokenizer.from_text(convert(Path(sys.argv[1])), TextRules(clean='siglip'))(['a dog']);"
            "print({name.split('.')[0] for name in sys.modules})"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "spiece.model")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for name in ("torch", "transformers", "sentencepiece", "google", "ftfy"):
            assert f"'{name}'" not in done.stdout


@needs_golden
@pytest.mark.parametrize(
    ("folder", "rule"), [("hf/siglip", "siglip"), ("openclip/siglip", "canonicalize")]
)
def test_ids_are_those_of_siglip(made: MakeTokenizer, folder: str, rule: str) -> None:
    assert GOLDEN is not None
    content = tokenizer_json_from_spiece(GOLDEN / folder / "spiece.model")
    tokenizer = made(content, TextRules(64, "context", rule, 1))
    for text, ids in answers(folder):
        assert ids_of(tokenizer, text) == ids


SENTENCES = [
    "a dog on the beach",
    "two children play in the snow",
    "the red bicycle leans on a wall",
    "a café in Paris, 1998",
    "naïve über façade",
    "the mountain and the sea",
    "猫 と 犬 の 写真",
    "собака на пляже",
    "3 photos of 12 cats",
]
# Anything, and much of what normalisation, spaces and prefixes are about. Left out is what the
# module's docstring names: marks on signs that normalisation changes, and "▁".
OFTEN = "abcdefghijklmnopqrstuvwxyz ABCDEF 0123456789 .,!?'-_ \t\n\u00a0\u3000éüñ猫犬собака①ﬁ½…"
ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from(OFTEN),
        st.characters(codec="utf-8", exclude_categories=["M", "Cf", "Cc", "Cn", "Co", "Sk", "Lm"]),
    ).filter(lambda sign: sign != "▁")
)


def train(kind: str, rule: str, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pytest.importorskip("sentencepiece")
        model = io.BytesIO()
        trainer.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES * 20),
            model_writer=model,
            model_type=kind,
            vocab_size=150,
            hard_vocab_limit=False,
            normalization_rule_name=rule,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            minloglevel=2,
        )
    path.write_bytes(model.getvalue())
    return trainer.SentencePieceProcessor(model_file=os.fspath(path))


class TestSpieceTrained:
    @pytest.mark.parametrize("rule", ["nmt_nfkc", "identity"])
    @pytest.mark.parametrize("kind", ["unigram", "bpe"])
    def test_ids_are_those_of_sentencepiece(self, tmp_path: Path, kind: str, rule: str) -> None:
        path = tmp_path / "spiece.model"
        theirs = train(kind, rule, path)
        content = tokenizer_json_from_spiece(path, end=None, in_text=())
        ours = Tokenizer.from_text(content, TextRules(100_000))

        @settings(max_examples=300, deadline=None)
        @example("").via("nothing")
        @example("e\u0301 a\u0302\u0301").via("marks that come apart from their letters")
        @example("ｶﾞ㎏ｆ").via("compatibility characters")
        @example("\u200bdog</s><unk> <s>").via("what looks special")
        @given(ANY_TEXT)
        def compare(text: str) -> None:
            assert ids_of(ours, text) == theirs.encode(text)

        compare()

    def test_ids_are_those_of_siglips_tokenizer(self, tmp_path: Path) -> None:
        pytest.importorskip("google.protobuf")
        transformers = pytest.importorskip("transformers")
        path = tmp_path / "spiece.model"
        train("unigram", "nmt_nfkc", path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = transformers.SiglipTokenizer(os.fspath(path), model_max_length=64)
        rules = TextRules(64, "context", "siglip", 1)
        ours = Tokenizer.from_text(tokenizer_json_from_spiece(path), rules)

        @settings(max_examples=300, deadline=None)
        @example("")
        @example("  A </s> dog<unk>cat ")
        @example("- a_dog ▁ a</S>")
        @example("the dog " * 60)
        @given(ANY_TEXT)
        def compare(text: str) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = theirs(text, padding="max_length", truncation=True, max_length=64)
            assert ids_of(ours, text) == expected.input_ids

        compare()
