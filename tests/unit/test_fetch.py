"""encode/wanted, encode/hubs: which files of a repository, and how they come from a model hub.

huggingface_hub reads its environment when it is imported, so the calls run in a process of their
own, which knows no hub but the stand-in.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.encode.hubs import fetch_hub, fetch_modelscope, hub_cached
from photosearch.encode.wanted import choose_files, lacking, last_files
from photosearch.errors import (
    DownloadFailed,
    MissingExtra,
    PhotosearchError,
    StorageError,
    UnknownModel,
)
from tests.hub import Hub

TEXTS = ["merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]
JUNK = [".gitattributes", "README.md"]

# Files as they are, or were, in the repositories of these names.
REPOSITORIES = {
    "openai/clip-vit-base-patch32": (
        [*TEXTS, "config.json", "preprocessor_config.json", "pytorch_model.bin", "vocab.json"],
        [*JUNK, "flax_model.msgpack", "tf_model.h5", "onnx/model.onnx"],
    ),
    "openai/clip-vit-large-patch14": (
        [*TEXTS, "config.json", "model.safetensors", "preprocessor_config.json", "vocab.json"],
        [*JUNK, "pytorch_model.bin", "flax_model.msgpack", "tf_model.h5"],
    ),
    "OFA-Sys/chinese-clip-vit-large-patch14": (
        ["config.json", "preprocessor_config.json", "pytorch_model.bin", "vocab.txt"],
        [*JUNK, "clip_cn_vit-l-14.pt"],
    ),
    "google/siglip-base-patch16-224": (
        [
            "config.json",
            "model.safetensors",
            "preprocessor_config.json",
            "special_tokens_map.json",
            "spiece.model",
            "tokenizer_config.json",
        ],
        [*JUNK, "pytorch_model.bin"],
    ),
    "IDEA-CCNL/Taiyi-CLIP-Roberta-large-326M-Chinese": (
        [
            "config.json",
            "pytorch_model.bin",
            "special_tokens_map.json",
            "tokenizer_config.json",
            "vocab.txt",
        ],
        JUNK,
    ),
    # Its config.json and pytorch_model.bin are timm's, of the image tower alone.
    "timm/vit_base_patch32_clip_224.openai": (
        [*TEXTS, "open_clip_config.json", "open_clip_model.safetensors", "vocab.json"],
        [*JUNK, "config.json", "open_clip_pytorch_model.bin", "pytorch_model.bin"],
    ),
    "laion/CLIP-ViT-L-14-laion2B-s32B-b82K": (
        [*TEXTS, "open_clip_config.json", "open_clip_pytorch_model.bin", "vocab.json"],
        [*JUNK, "config.json", "preprocessor_config.json", "pytorch_model.bin"],
    ),
    "immich-app/ViT-B-32__openai": (
        [
            "config.json",
            *(f"textual/{name}" for name in [*TEXTS, "model.onnx", "vocab.json"]),
            "visual/model.onnx",
            "visual/preprocess_cfg.json",
        ],
        [
            *JUNK,
            "textual/fp16/model.armnn",
            "textual/model.armnn",
            "textual/rknpu/rk3588/model.rknn",
            "visual/fp16/model.armnn",
            "visual/model.armnn",
            "visual/rknpu/rk3588/model.rknn",
        ],
    ),
    # More than 2 GB: the weights lie beside model.onnx, under a name that says nothing.
    "immich-app/ViT-g-14__laion2b-s12b-b42k": (
        [
            "config.json",
            "textual/model.onnx",
            "textual/tokenizer.json",
            "visual/3b719d32-4886-11ef-a2ee-00155d655292",
            "visual/model.onnx",
            "visual/preprocess_cfg.json",
        ],
        JUNK,
    ),
    "a bundle of our own": (
        [
            "calibration.json",
            "checksums.json",
            "config.json",
            "textual/model.onnx",
            "textual/tokenizer.json",
            "textual_zh/model.onnx",
            "textual_zh/model.onnx.data",
            "textual_zh/tokenizer.json",
            "visual/model.onnx",
            "visual/preprocess.json",
        ],
        ["MODEL_CARD.md", "onnx/model_fp16.onnx", "visual/model_fp16.onnx"],
    ),
    "shards": (
        [
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
        ],
        [
            *JUNK,
            "model.fp16.safetensors",
            "pytorch_model-00001-of-00002.bin",
            "pytorch_model-00002-of-00002.bin",
            "pytorch_model.bin.index.json",
        ],
    ),
}


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_one_set_of_weights_is_chosen(repo: str) -> None:
    wanted, others = REPOSITORIES[repo]
    assert choose_files([*others, *wanted]) == sorted(wanted)
    assert lacking(wanted) is None


NAMES = sorted({name for kinds in REPOSITORIES.values() for kind in kinds for name in kind})


@given(st.lists(st.sampled_from(NAMES), unique=True))
def test_choosing_is_a_choice_and_final(names: list[str]) -> None:
    chosen = choose_files(names)
    assert set(chosen) <= set(names)
    assert choose_files(chosen) == chosen
    assert choose_files(reversed(names)) == chosen
    assert set(last_files(chosen)) <= set(chosen)
    weights = [name for name in chosen if name.endswith((".bin", ".safetensors"))]
    assert len({name.split("-0")[0] for name in weights}) <= 1


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ([], "configuration"),
        (["model.safetensors", "tokenizer.json"], "configuration"),
        (["config.json", "tokenizer.json"], "weights"),
        (["config.json", "tokenizer.json", "model-00001-of-00002.safetensors"], "weights"),
        (["config.json", "model.safetensors"], "tokenizer"),
        (["visual/model.onnx", "textual/model.onnx"], "textual/tokenizer.json"),
    ],
)
def test_what_is_lacking_is_named(names: list[str], part: str) -> None:
    missing = lacking(names)
    assert missing is not None
    assert part in missing


# The Hugging Face hub

WEIGHTS = bytes(range(256)) * 300
CLIP = {
    "config.json": b"{}",
    "preprocessor_config.json": b'{"size": 224}',
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": WEIGHTS,
    "flax_model.msgpack": WEIGHTS,
    "README.md": b"#",
}
TAKEN = {"config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"}
ONLINE = {"PHOTOSEARCH_OFFLINE": "", "HF_HUB_OFFLINE": ""}


@dataclass
class Client:
    """A process that knows the stand-in for the hub."""

    hub: Hub
    pool: ProcessPoolExecutor

    def __call__(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return self.pool.submit(function, *arguments, **options).result(60)

    def add(self, repo: str, files: dict[str, bytes]) -> str:
        assert self.hub.repos is not None
        for name, data in files.items():
            path = self.hub.repos / repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return self.hub.commit(repo)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("hub")
    before = dict(os.environ)
    with Hub(folder / "repos") as hub:
        os.environ.update(hub.environment(folder / "cache"))
        os.environ.pop("PHOTOSEARCH_OFFLINE", None)
        os.environ.pop("HF_HUB_OFFLINE", None)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            pool.submit(hub_cached, "org/none").result(60)  # started with this environment
            os.environ.clear()
            os.environ.update(before)
            yield Client(hub, pool)


@pytest.fixture
def client(server: Client, request: pytest.FixtureRequest) -> Client:
    server.hub.requests.clear()
    server.hub.faults.clear()
    server.hub.gated.clear()
    return server


@pytest.fixture
def repo(client: Client, request: pytest.FixtureRequest) -> str:
    """A repository for one test alone, with a small CLIP."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name)[-60:].strip("-")
    client.add(f"org/{name}", CLIP)
    return f"org/{name}"


def offline(variable: str, *arguments: Any) -> Any:
    """fetch_hub where a variable forbids the network; runs in the client's process."""
    os.environ[variable] = "1"
    try:
        return fetch_hub(*arguments)
    finally:
        del os.environ[variable]


def with_endpoint(endpoint: str, *arguments: Any) -> Any:
    """fetch_hub of a hub that is elsewhere."""
    from huggingface_hub import constants

    before = constants.ENDPOINT
    constants.ENDPOINT = endpoint
    try:
        return fetch_hub(*arguments)
    finally:
        constants.ENDPOINT = before


def with_little_room(*arguments: Any) -> Any:
    """fetch_hub where no file may become larger than 10,000 bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        return fetch_hub(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_repository_comes_without_its_duplicates(client: Client, repo: str) -> None:
    folder = client(fetch_hub, repo)
    assert names_in(folder) == TAKEN
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert folder.name == client.hub.commit(repo)
    fetched = [one.path.rpartition("/")[2] for one in client.hub.asked("/resolve/")]
    assert fetched[-1] == "model.safetensors"
    assert set(fetched) == TAKEN
    assert client(hub_cached, repo) == folder


def test_a_second_call_fetches_no_file(client: Client, repo: str) -> None:
    folder = client(fetch_hub, repo)
    client.hub.requests.clear()
    assert client(fetch_hub, repo) == folder
    assert client.hub.asked("/resolve/") == []


def test_a_commit_that_is_here_needs_no_network(client: Client, repo: str) -> None:
    folder = client(fetch_hub, repo)
    client.hub.requests.clear()
    assert client(fetch_hub, repo, folder.name) == folder
    assert client.hub.requests == []


def test_a_newer_commit_is_fetched(client: Client, repo: str) -> None:
    old = client(fetch_hub, repo)
    commit = client.add(repo, {"config.json": b'{"new": 1}'})
    new = client(fetch_hub, repo)
    assert new.name == commit != old.name
    assert client(hub_cached, repo, old.name) == old


def test_patterns_take_the_place_of_the_choice(client: Client, repo: str) -> None:
    folder = client(fetch_hub, repo, patterns=["*.json", "README.md"], ignore=["pre*"])
    assert names_in(folder) == {"config.json", "tokenizer.json", "README.md"}
    assert client(hub_cached, repo) is None  # no weights
    with pytest.raises(UnknownModel, match=r"no file that matches \*\.gguf"):
        client(fetch_hub, repo, patterns=["*.gguf"])


def test_a_ready_export_comes_with_weights_beside_it(client: Client) -> None:
    wanted, others = REPOSITORIES["immich-app/ViT-g-14__laion2b-s12b-b42k"]
    client.add("immich/g", {name: name.encode() for name in [*wanted, *others]})
    folder = client(fetch_hub, "immich/g")
    assert names_in(folder) == set(wanted)
    order = [one.path for one in client.hub.asked("/resolve/")]
    assert all(path.endswith("/model.onnx") for path in order[-2:])


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "PHOTOSEARCH_OFFLINE"])
def test_offline_takes_what_is_here_and_asks_nobody(
    client: Client, repo: str, variable: str
) -> None:
    with pytest.raises(DownloadFailed, match=f"hf:{repo} is not on this machine, and {variable}"):
        client(offline, variable, repo)
    folder = client(fetch_hub, repo)
    client.hub.requests.clear()
    assert client(offline, variable, repo) == folder
    assert client.hub.requests == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_that_fails_leaves_what_is_here(client: Client, repo: str, status: int) -> None:
    client.hub.fault(f"api/models/{repo}", times=99, status=status)
    with pytest.raises(DownloadFailed, match=f"says {status}"):
        client(fetch_hub, repo)
    client.hub.faults.clear()
    folder = client(fetch_hub, repo)
    client.hub.fault(f"api/models/{repo}", times=99, status=status)
    assert client(fetch_hub, repo) == folder


def test_an_unreachable_hub_leaves_what_is_here(client: Client, repo: str) -> None:
    nowhere = "http://127.0.0.1:9"  # the port of "discard", where nobody listens
    with pytest.raises(DownloadFailed, match=r"no connection to 127\.0\.0\.1:9"):
        client(with_endpoint, nowhere, repo)
    folder = client(fetch_hub, repo)
    assert client(with_endpoint, nowhere, repo) == folder


def test_an_incomplete_copy_is_none(client: Client, repo: str) -> None:
    client.hub.fault("model.safetensors", times=99, method="HEAD", status=403)
    with pytest.raises(DownloadFailed, match="says 403"):
        client(fetch_hub, repo)
    assert client(hub_cached, repo) is None
    with pytest.raises(DownloadFailed, match="stay offline"):
        client(offline, "HF_HUB_OFFLINE", repo)
    client.hub.faults.clear()
    assert client(hub_cached, repo) is None
    folder = client(fetch_hub, repo)
    assert client(hub_cached, repo) == folder
    (folder / "model.safetensors").unlink()
    assert client(hub_cached, repo) is None


def test_a_missing_shard_is_noticed(client: Client) -> None:
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    index = json.dumps({"weight_map": {"a": shards[0], "b": shards[1]}}).encode()
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors.index.json": index}
    client.add("org/shards", {**files, **dict.fromkeys(shards, WEIGHTS)})
    folder = client(fetch_hub, "org/shards")
    assert client(hub_cached, "org/shards") == folder
    (folder / shards[1]).unlink()
    assert client(hub_cached, "org/shards") is None


def test_a_cut_is_mended_by_the_client_or_by_the_next_call(client: Client, repo: str) -> None:
    client.hub.fault("model.safetensors", cut=20_000)
    with suppress(DownloadFailed):  # old versions of the client do not try again by themselves
        client(fetch_hub, repo)
    folder = client(fetch_hub, repo)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    "length", [len(WEIGHTS), len(WEIGHTS) + 9, 9], ids=["same", "more", "less"]
)
def test_altered_weights_are_not_kept(client: Client, repo: str, length: int) -> None:
    client.hub.fault("/model.safetensors", times=99, body=b"?" * length)
    with pytest.raises(DownloadFailed, match="altered"):
        client(fetch_hub, repo)
    assert client(hub_cached, repo) is None
    client.hub.faults.clear()
    folder = client(fetch_hub, repo)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_full_disk_is_told_and_mended_later(client: Client, repo: str) -> None:
    with pytest.raises(StorageError, match=f"no room for hf:{repo}") as caught:
        client(with_little_room, repo)
    assert "free some disk space" in caught.value.hint
    assert client(hub_cached, repo) is None
    folder = client(fetch_hub, repo)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("name", "kind", "text", "hint"),
    [
        ("org/nothing", UnknownModel, "shows no repository org/nothing", "spelling"),
        ("nothing", UnknownModel, "shows no repository nothing", "spelling"),
        ("a b", UnknownModel, "'a b' is no name of a repository", "hf:ORG/NAME"),
        ("../../etc", UnknownModel, "is no name of a repository", "hf:ORG/NAME"),
    ],
)
def test_wrong_names(
    client: Client, name: str, kind: type[PhotosearchError], text: str, hint: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        client(fetch_hub, name)
    assert hint in caught.value.hint
    assert client(hub_cached, name) is None


def test_a_gated_repository(client: Client, repo: str) -> None:
    client.hub.gated.add(repo)
    with pytest.raises(DownloadFailed, match=f"hf:{repo} is gated") as caught:
        client(fetch_hub, repo)
    assert "HF_TOKEN" in caught.value.hint
    assert f"{client.hub.url}/{repo}" in caught.value.hint


def test_a_refused_token(client: Client, repo: str) -> None:
    client.hub.fault(f"api/models/{repo}", times=9, status=403)
    with pytest.raises(DownloadFailed, match="says 403") as caught:
        client(fetch_hub, repo)
    assert "HF_TOKEN" in caught.value.hint


def test_an_unknown_revision(client: Client, repo: str) -> None:
    with pytest.raises(UnknownModel, match=f"hf:{repo} has no revision 'v9'"):
        client(fetch_hub, repo, "v9")


def test_a_repository_without_a_model_is_refused_before_it_is_fetched(client: Client) -> None:
    client.add("org/flax", {"config.json": b"{}", "flax_model.msgpack": WEIGHTS})
    with pytest.raises(UnknownModel, match="hf:org/flax is no model that can be read"):
        client(fetch_hub, "org/flax")
    assert client.hub.asked("/resolve/") == []


def test_bars_only_where_they_are_wanted(client: Client, repo: str, tmp_path: Path) -> None:
    quiet = client(fetch_with_stderr, repo, False, tmp_path / "quiet")
    shutil.rmtree(client(hub_cached, repo).parents[1])
    loud = client(fetch_with_stderr, repo, True, tmp_path / "loud")
    assert quiet == ""
    assert "%" in loud


def fetch_with_stderr(repo: str, shown: bool, file: Path) -> str:
    """What fetch_hub writes to stderr."""
    before = sys.stderr
    with file.open("w") as sys.stderr:
        fetch_hub(repo, progress_to_terminal=shown)
    sys.stderr = before
    return file.read_text()


# ModelScope


@pytest.fixture
def modelscope(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """A stand-in for the modelscope package; gives the calls of snapshot_download."""
    calls: list[dict[str, Any]] = []

    def snapshot_download(model_id: str, **options: Any) -> str:
        calls.append({"model_id": model_id, **options})
        if model_id == "org/broken":
            raise ConnectionError("[E1020] Connection failed\nmore")
        if model_id == "org/large":
            raise OSError(28, "No space left on device")
        return str(tmp_path)

    class HubApi:
        def get_model_files(self, model_id: str, **options: Any) -> list[dict[str, str]]:
            assert options["recursive"]
            files = [*CLIP] if model_id != "org/empty" else ["README.md"]
            return [{"Path": name, "Type": "blob"} for name in files] + [
                {"Path": "textual/model.onnx", "Type": "tree"}
            ]

    package = types.ModuleType("modelscope")
    package.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    api = types.ModuleType("modelscope.hub.api")
    api.HubApi = HubApi  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modelscope", package)
    monkeypatch.setitem(sys.modules, "modelscope.hub", types.ModuleType("modelscope.hub"))
    monkeypatch.setitem(sys.modules, "modelscope.hub.api", api)
    for name in ONLINE:
        monkeypatch.delenv(name, raising=False)
    return calls


def test_modelscope_gets_the_same_choice(modelscope: list[dict[str, Any]], tmp_path: Path) -> None:
    assert fetch_modelscope("org/clip") == tmp_path
    assert fetch_modelscope("org/clip", "v1") == tmp_path
    assert modelscope == [
        {"model_id": "org/clip", "allow_patterns": sorted(TAKEN)},
        {"model_id": "org/clip", "allow_patterns": sorted(TAKEN), "revision": "v1"},
    ]


def test_modelscope_offline(
    modelscope: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOSEARCH_OFFLINE", "1")
    fetch_modelscope("org/clip")
    assert modelscope == [{"model_id": "org/clip", "local_files_only": True}]
    with pytest.raises(DownloadFailed, match="ms:org/broken is not on this machine"):
        fetch_modelscope("org/broken")


@pytest.mark.parametrize(
    ("repo", "kind", "text"),
    [
        ("org/broken", DownloadFailed, r"ms:org/broken cannot be fetched: \[E1020\] Connection"),
        ("org/large", StorageError, "no room for ms:org/large"),
        ("org/empty", UnknownModel, "ms:org/empty is no model that can be read"),
    ],
)
def test_modelscopes_errors(
    modelscope: list[dict[str, Any]], repo: str, kind: type[PhotosearchError], text: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        fetch_modelscope(repo)
    assert "\n" not in str(caught.value)


def test_without_modelscope_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modelscope", None)
    with pytest.raises(MissingExtra, match="ms:org/clip") as caught:
        fetch_modelscope("org/clip")
    assert caught.value.hint == "pip install modelscope"
