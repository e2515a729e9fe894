"""Batches on a device: half precision, back-off when memory runs out, the same vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photosearch.errors import WrongUse

torch = pytest.importorskip("torch", reason="devices are used through photosearch[torch]")

from photosearch.encode.on_torch import TorchImageTower, choose_device  # noqa: E402
from photosearch.encode.originals import read_original  # noqa: E402

VIT = Path(__file__).parents[1] / "golden" / "openai" / "vit_tiny_torchscript.pt"
CPU = torch.device("cpu")


def tower(device: torch.device = CPU, dtype: torch.dtype | None = None) -> TorchImageTower:
    part = read_original(VIT).image
    assert part is not None
    return TorchImageTower(part, 32, device, dtype)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 32, 32, 3), np.uint8)


def test_half_precision_keeps_the_vectors(pixels: np.ndarray) -> None:
    full, half = tower().encode(pixels), tower(dtype=torch.float16).encode(pixels)
    assert half.dtype == np.float32
    assert (full * half).sum(axis=1).min() > 0.9999


def test_a_batch_that_does_not_fit_is_halved_until_it_does(pixels: np.ndarray) -> None:
    whole = tower()
    expected = whole.encode(pixels)
    small = tower()
    inner, sizes = small._module, []

    def scarce(batch):  # type: ignore[no-untyped-def]
        sizes.append(len(batch))
        if len(batch) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inner(batch)

    small._module = scarce
    np.testing.assert_allclose(small.encode(pixels), expected, atol=1e-6)
    assert small.batch_size <= 5
    assert sizes.count(16) == 1  # what did not fit once is not tried again


def test_one_image_that_does_not_fit_is_an_error(pixels: np.ndarray) -> None:
    broken = tower()

    def full(batch):  # type: ignore[no-untyped-def]
        raise torch.OutOfMemoryError("CUDA out of memory")

    broken._module = full
    with pytest.raises(WrongUse, match="does not hold"):
        broken.encode(pixels)


def test_nothing_in_nothing_out() -> None:
    assert tower().encode(np.empty((0, 32, 32, 3), np.uint8)).shape == (0, 32)


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cuda:99"])
def test_a_device_that_is_not_there(name: str) -> None:
    with pytest.raises(WrongUse, match=name):
        choose_device(name)


def test_a_gpu_gives_the_same_vectors(pixels: np.ndarray) -> None:
    device = choose_device("auto")
    if device.type == "cpu":
        pytest.skip("no GPU on this machine")
    on_cpu, on_gpu = tower().encode(pixels), tower(device).encode(pixels)
    assert (on_cpu * on_gpu).sum(axis=1).min() > 0.9999
