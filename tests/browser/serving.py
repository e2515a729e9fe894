"""A server of its own process, as people start it, and the libraries that it shows.

In: a Command and its library. Out: the address that the server tells.
"""

from __future__ import annotations

import atexit
import re
import shutil
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests import make
from tests.command import SAMPLES, Command

HOSTILE = "<img src=x onerror=alert(1)>"
QUOTED = 'it\'s "quoted" & <b>bold<%2e;.jpg'
CITIES = {
    "Kyoto": (35.0116, 135.7681),
    "Paris": (48.8566, 2.3522),
    "Nairobi": (-1.2864, 36.8172),
}
PRINTED = "<b>BOLD</b>"
MANY = 150
DRAWN = MANY + 2  # with the two of awful names and words
STARTING_S = 60  # more than a busy machine takes


class Served:
    """`photosearch serve` on a free port; ends with the tests, whatever becomes of them."""

    def __init__(self, command: Command, *options: str) -> None:
        self._told: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "serve", "--port", "0", *options],
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.kill)
        # Read to the end: a server that is not listened to would stop at a full pipe.
        self._known = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.address = ""
        if self._known.wait(STARTING_S):
            self.address = next(filter(None, map(_address_in, self._told)), "")
        if not self.address:
            self.stop()
            raise AssertionError(f"the server tells no address, only: {self.told or 'nothing'}")

    @property
    def told(self) -> str:
        return "".join(self._told)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._told.append(line)
            if _address_in(line):
                self._known.set()
        self._known.set()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        atexit.unregister(self._process.kill)
        self._listener.join(10)
        if self._process.stderr is not None:
            self._process.stderr.close()


def _address_in(line: str) -> str:
    found = re.search(r"http://\S+", line)
    return found[0].rstrip("/.,") if found else ""


def index_samples(command: Command) -> Command:
    """All sample photos beside those of signs/, which alone are read (23 s less on 2 cores)."""
    command("index", "--quiet", SAMPLES)
    return command


def index_drawn(folder: Path) -> Command:
    """Drawn pictures of several years, cameras and cities, two tags, and awful names and words."""
    photos = folder / "photos"
    for number in range(MANY):
        path = photos / f"folder {number % 3}" / f"picture{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        taken = datetime(2021, 1, 1, 12) + timedelta(days=9 * number)
        city = list(CITIES.values())[number % 4] if number % 4 < len(CITIES) else None
        exif = make.camera_exif(
            taken=taken, place=city, camera=("Pixel 6", "X100V", HOSTILE)[number % 3]
        )
        wide = (96, 64) if number % 5 else (48, 96)
        path.write_bytes(make.jpeg(make.picture(number, wide), exif=exif))
    awful = photos / f"{HOSTILE[:-1]} "
    awful.mkdir()
    (awful / QUOTED).write_bytes(make.jpeg(make.picture(MANY)))
    image = Image.new("RGB", (640, 240), "white")
    font = ImageFont.load_default(size=96)
    ImageDraw.Draw(image).text((40, 60), PRINTED, fill="black", font=font)
    (photos / "printed").mkdir()
    (photos / "printed" / "printed.png").write_bytes(make.png(image))
    command = Command(folder)
    command("index", "--quiet", "--words", photos / "printed")
    command("index", "--quiet", photos)
    command("classify", "--library-wide", "--write-tags", "--labels", f'a box,"{HOSTILE}"')
    return command


# When, where and with what the samples are said to have been taken: places as the photos show
# them, dates and cameras made up where the file has none.
TAKEN: dict[str, tuple[str, tuple[float, float] | None, str]] = {
    "animals/cat.jpg": ("2023-02-11 16:20:00", None, "Pixel 6"),
    "animals/cow.jpg": ("2021-05-15 11:02:10", (46.6863, 7.8632), "X100V"),
    "animals/dogs-at-door.jpg": ("2022-10-02 09:41:00", None, "Pixel 6"),
    "animals/horses.jpg": ("2022-07-19 14:12:00", (46.8083, -100.7837), "X100V"),
    "animals/kitten-playing.jpg": ("2023-02-12 10:05:30", None, "Pixel 6"),
    "animals/lemurs.jpg": ("2021-08-08 13:30:00", (-18.8792, 47.5079), "ILCE-7M3"),
    "animals/otters.jpg": ("2023-06-24 15:48:00", (37.7503, -122.1460), "ILCE-7M3"),
    "animals/parrot.jpg": ("2023-06-21 12:00:00", (47.5301, -122.0326), "ILCE-7M3"),
    "life/coffee-cup.jpg": ("2024-03-09 08:15:00", (52.5200, 13.4050), "Pixel 6"),
    "life/festival-night.jpg": ("2024-08-14 20:31:00", (35.0116, 135.7681), "X100V"),
    "life/orchestra.jpg": ("2022-12-11 19:05:00", (52.3676, 4.9041), "Pixel 6"),
    "life/spice-market.jpg": ("2022-01-20 10:40:00", (23.0225, 72.5714), "X100V"),
    "places/brandenburg-gate-evening.jpg": (
        "2024-03-08 20:50:00",
        (52.5163, 13.3777),
        "Pixel 6",
    ),
    "places/city-skyline-night.jpg": ("2023-11-03 19:22:00", (1.2868, 103.8545), "ILCE-7M3"),
    "places/desert-dune.jpg": ("2022-04-17 17:55:00", (-24.7341, 15.2856), "X100V"),
    "places/eiffel-tower.jpg": ("2024-05-10 15:05:00", (48.8584, 2.2945), "Pixel 6"),
    "places/great-wall.jpg": ("2024-08-21 11:20:00", (40.4319, 116.5704), "X100V"),
    "places/mountain-lake.jpg": ("2023-07-02 06:35:00", (48.8250, -113.5260), "ILCE-7M3"),
    "places/rooftops-sunset.jpg": ("2023-10-14 18:10:00", (42.3554, -71.0700), "Pixel 6"),
    "places/tea-hills.jpg": ("2022-01-26 09:10:00", (10.0889, 77.0595), "X100V"),
    "places/temple-china.jpg": ("2024-08-19 16:44:00", (39.9998, 116.2755), "X100V"),
    "signs/cafe-sign-chinese.jpg": ("2024-08-22 12:02:00", (31.2304, 121.4737), "Pixel 6"),
    "signs/exit-sign.jpg": ("2024-05-11 19:40:00", (48.8566, 2.3522), "Pixel 6"),
    "signs/midi-keyboard.jpg": ("2024-01-05 21:15:00", None, "Pixel 6"),
    "signs/receipt.jpg": ("2024-05-11 13:10:00", (48.8566, 2.3522), "Pixel 6"),
    "signs/street-sign.jpg": ("2023-10-14 12:30:00", (42.3601, -71.0589), "Pixel 6"),
}


def write_dated(photos: Path) -> None:
    """The sample photos, those of TAKEN with date, place and camera written into the copy."""
    for source in sorted(path for path in SAMPLES.rglob("*") if path.is_file()):
        name = source.relative_to(SAMPLES).as_posix()
        target = photos / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name not in TAKEN:
            shutil.copyfile(source, target)
            continue
        taken, place, camera = TAKEN[name]
        exif = make.camera_exif(taken=datetime.fromisoformat(taken), place=place, camera=camera)
        with Image.open(source) as image:
            target.write_bytes(make.jpeg(image.convert("RGB"), exif=exif, quality=92))
