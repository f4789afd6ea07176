"""What labelled synthetic crops show.

In: nothing. Out: :class:`SyntheticConfig`, the section ``data`` of a training configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.mesh import require_families
from hand_pose_ros.synthetic.negatives_config import NegativesConfig
from hand_pose_ros.synthetic.sensor_presets import DEFAULT_SENSORS, require_sensors
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.synthetic.view_families import ViewConfig
from hand_pose_ros.validation import between, interval, not_negative, require, share, typed, whole


@dataclass(frozen=True)
class SyntheticConfig:
    """What is drawn. Lengths in metres; ValueError names a field that makes no sense. Guessed where nothing else is
    said."""

    split: int = TRAINING_SPLIT
    """Separates the random streams: identities, poses and views of different splits never coincide."""
    families: tuple[str, ...] = ("makehuman", "webxr")
    """Mesh families of ``synthetic.mesh.MESH_NAMES``."""
    identities: int = 300
    """Different subjects of each family."""
    size: int = CROP_SIZE
    """Pixels of the crop's edge: the network's."""
    cube_m: float = CROP_CUBE_M
    """Edge of the cube that the crop shows: the network's."""
    centre_jitter_m: float = 0.022
    """Standard deviation of each coordinate of the crop centre about the mean joint: a guess of a locator's error."""
    tracked: float = 0.0
    """Share of the crops that are taken as of a hand that was seen a frame ago: their centre is off by a third of that
    only, and they are turned so that the hand is upright."""
    border: float = 0.0
    """Share of the crops through which an edge of the sensor's picture runs, as of a hand that enters or leaves it."""
    margin_m: float = 0.0
    """How far the sensor's picture reaches beyond the cube, for crops about other centres."""
    distance_m: tuple[float, float] = (0.27, 1.30)
    """Nearest and farthest crop centre from the camera."""
    patch_px: tuple[int, int] = (64, 170)
    """How many pixels of a generic sensor span the cube, least and most; the least holds for the others, too."""
    off_axis_rad: float = 0.35
    """How far from the optical axis a crop looks at most, in x and in y."""
    noise: bool = True
    """Whether the sensors' noise is added; without, depths are exact."""
    sensors: tuple[str, ...] = DEFAULT_SENSORS
    """Names of synthetic/sensor_presets.py; they give distance (within distance_m), pixels and noise."""
    stereo: float = 0.0
    """Share of the crops that a stereo matcher sees (synthetic/stereo_config.py) instead of one of ``sensors``; none
    without ``noise``."""
    scene: SceneConfig = field(default_factory=SceneConfig)
    """What stands around the hand."""
    negative_fraction: float = 0.0
    """Share of the crops of a batch that show no hand: the last ones."""
    negatives: NegativesConfig = field(default_factory=NegativesConfig)
    """What these show."""
    views: ViewConfig = field(default_factory=ViewConfig)
    """From where the hands are seen."""

    def __post_init__(self) -> None:
        typed(self)
        require_families(self.families)
        whole(self, "identities")
        low, high = self.distance_m
        in_view = self.cube_m / 2 + 0.05 < low <= high
        require(in_view, "", "distance_m", (low, high), "(near, far), near beyond half the cube + 5 cm")
        interval(self, 16, 512, "patch_px", unit="px")
        require_sensors(self.sensors)
        fraction = self.negative_fraction
        require(0 <= fraction < 1, "", "negative_fraction", fraction, "a share, at least 0 and below 1")
        share(self, "tracked", "border", "stereo")
        between(self, 0.0, 0.2, "margin_m", unit="m")
        not_negative(self, "centre_jitter_m")
        between(self, 0.0, 0.8, "off_axis_rad", unit="rad")
