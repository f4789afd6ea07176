"""ICVL hand posture data set (Tang et al., CVPR 2014) in its archive's own layout.

::

    root/Training/labels.txt                                   root/Testing/test_seq_1.txt, test_seq_2.txt
    root/Training/Depth/<recording>/image_0000.png             root/Testing/Depth/test_seq_1/image_0000.png
    root/Training/Depth/<rotation>/<recording>/image_0000.png

A label line is an image path below Depth and 16 x (u px, v px, depth mm). Training holds every recording once upright
and, in folders named 22-5, 45, 67-5 and so on, copies rotated in the image plane. Images are 320x240, 16 bit,
millimetres; 0 and values from 32000 on (the sensor's marks for weak and saturated pixels) are no readings.

Out: ``sample.Sample`` with the 16 joints of ``icvl16``, left hands, 250 mm cubes about the palm's neighbourhood as in
DeepPrior. The camera is the one that published results are scored with (``benchmarks.ICVL``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.benchmarks import ICVL, to_camera
from hand_pose_ros.datasets.reading import (
    label_numbers,
    millimetres_to_depth,
    read_png,
    read_text_lines,
    require_folder,
    require_images,
)
from hand_pose_ros.datasets.sample import (
    DatasetError,
    LazySamples,
    Sample,
    check_centre_mode,
    check_split,
)

CUBE_M = 0.25
"""Edge of the cube, metres. Published: as in DeepPrior."""
TEST_SEQUENCES: tuple[str, ...] = ("test_seq_1", "test_seq_2")
_INVALID_FROM_MM = 32000  # of the data set, see above
_PALM = 0
_ROTATION = re.compile(r"-?\d{1,3}(-5)?")


def rotation_degrees(path: str) -> float:
    """Rotation of a training image by its label's path: "22-5/2014.../image_0000.png" -> 22.5; 0 for the originals."""
    first, slash, rest = path.partition("/")
    if not slash or "/" not in rest or not _ROTATION.fullmatch(first):
        return 0.0
    half = first.endswith("-5") and first != "-5"
    return float(first[:-2]) + 0.5 if half else float(first)


class Icvl(LazySamples):
    """Frames of ICVL, read when asked for.

    root: folder with Training and Testing. split: "train" or "test". rotated: whether training includes the rotated
    copies (SDNet trains with them). sequences: recordings to read (folder names), all when None. centre: "mass"
    (centre of mass about the palm, DeepPrior) or "joint" (the annotated palm).
    DatasetError when labels or images are missing or damaged, ValueError on a bad argument.
    """

    benchmark = ICVL

    def __init__(
        self,
        root: str | Path,
        split: str = "test",
        *,
        rotated: bool = True,
        sequences: Iterable[str] | None = None,
        centre: str = "mass",
    ) -> None:
        check_split(split)
        self._centre = check_centre_mode(centre)
        base = Path(root) / ("Training" if split == "train" else "Testing")
        require_folder(base, "ICVL has folders Training and Testing in its root")
        self._images = base / "Depth"
        wanted = None if sequences is None else set(sequences)
        if split == "train":
            rows = _read_labels(base / "labels.txt")
            rows = [row for row in rows if rotated or rotation_degrees(row[0]) == 0.0]
        else:
            rows = []
            for sequence in TEST_SEQUENCES:
                if wanted is None or sequence in wanted:
                    found = _read_labels(base / f"{sequence}.txt")
                    _require_label_for_every_image(self._images / sequence, base / f"{sequence}.txt", found)
                    rows += found
        if wanted is not None:
            rows = [row for row in rows if Path(row[0]).parent.name in wanted]
        if not rows:
            raise DatasetError(base, "no frames with the asked-for sequences")
        self._names = [name for name, _ in rows]
        require_images(self._images, self._names)
        self._joints = to_camera(np.array([label for _, label in rows]).reshape(-1, 16, 3), ICVL.camera)

    def _read(self, index: int) -> Sample:
        size = (ICVL.camera.width, ICVL.camera.height)
        image = read_png(self._images / self._names[index], 1, size)
        depth = millimetres_to_depth(image, _INVALID_FROM_MM)
        return self._sample(index, depth, reference=_PALM, cube_m=CUBE_M)

    def _label(self, index: int) -> tuple[str, str]:
        name = self._names[index]
        return name, Path(name).parent.name


def _read_labels(path: Path) -> list[tuple[str, NDArray[np.float64]]]:
    """A label file -> (image path below Depth, 48 numbers) a line."""
    rows = []
    for number, line in enumerate(read_text_lines(path), start=1):
        name, *fields = line.split() or [""]
        if not name.lower().endswith(".png"):
            raise DatasetError(path, "does not begin with the name of a PNG image", number)
        values = label_numbers(fields, 48, path, number)
        if (values[2::3] <= 0.0).any():
            raise DatasetError(path, "a joint's depth is not positive", number)
        rows.append((name.replace("\\", "/"), values))
    return rows


def _require_label_for_every_image(
    folder: Path, label_file: Path, rows: list[tuple[str, NDArray[np.float64]]]
) -> None:
    """Test sequences are labelled completely: an image without a line means that the label file lost it."""
    require_folder(folder, "the test images should lie in it")
    labelled: dict[str, int] = {}
    for number, (name, _) in enumerate(rows, start=1):
        first = labelled.setdefault(Path(name).name, number)
        if first != number:
            raise DatasetError(label_file, f"image {name} is labelled in line {first}, too", number)
    images = sorted(path.name for path in folder.glob("*.png"))
    for place, image in enumerate(images, start=1):
        if image not in labelled:
            raise DatasetError(
                label_file, f"no label for image {folder.name}/{image}; it should stand here", place
            )
