"""How often the things that are no hand pass for one: the network's log odds on crops of each group and kind.

In: weights, crops a group, the share before a stereo matcher. Out: a table: of each group the share of crops whose log
odds, the better of both sides, are above 0 (worth a second crop) and at least 7 (a track begins), inside the picture
and with its edge running through; if wanted, a sheet of those with the highest log odds, two rows a group.

    python tools/measure_negatives.py models/default.safetensors --count 1000
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.commands.arguments import positive_int, require_outputs, seed_int, share
from hand_pose_ros.commands.main import exit_status
from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.lookalikes import GROUPS
from hand_pose_ros.synthetic.negatives_config import NEGATIVE_GROUPS, NegativesConfig
from hand_pose_ros.synthetic.splits import MOTION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.visualization.contact_sheet import tile_pictures
from hand_pose_ros.visualization.image_files import write_png
from hand_pose_ros.visualization.overlay import draw_caption

_BATCH = 100
_TILE_PX, _COLUMNS = 144, 12


def log_odds(
    model: HandNet, config: SyntheticConfig, count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(count,) of crops without a hand, the better of a crop and its mirror image, and the crops (count, S, S); some
    1 % more are drawn."""
    source, found, crops = SyntheticHands(config), [], []
    for start in range(0, count, _BATCH):
        batch = source.batch(seed + start, _BATCH)
        crop = torch.from_numpy(batch.crop[len(batch.joints) :])
        distance = torch.from_numpy(batch.distance[len(batch.joints) :])
        with torch.inference_mode():
            both = [model(view, distance).presence for view in (crop, crop.flip(-1))]
        found.append(torch.maximum(both[0], both[1]).numpy())
        crops.append(crop[:, 0].numpy())
    return np.concatenate(found), np.concatenate(crops)


def tile(crop: NDArray[np.float32], caption: str) -> NDArray[np.uint8]:
    """A crop (S, S) from -1 near to 1 far as a picture, brighter where nearer, with words at its top."""
    grey = (127.5 * (1.0 - crop)).clip(0, 255).astype(np.uint8)
    pixels = np.linspace(0, len(grey) - 1, _TILE_PX).round().astype(int)
    picture = np.repeat(grey[pixels][:, pixels, None], 3, axis=2)
    draw_caption(picture, caption, _TILE_PX)
    return picture


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=model_file, help="small, or a file")
    parser.add_argument(
        "--count", type=positive_int, default=1000, help="crops of a group, with and without an edge each"
    )
    parser.add_argument("--stereo", type=share, default=0.0, help="share before an imitated stereo matcher")
    parser.add_argument("--seed", type=seed_int, default=1)
    parser.add_argument("--pictures", type=Path, metavar="PNG", help="a sheet of the likeliest")
    arguments = parser.parse_args()
    require_outputs(arguments.pictures, read=[arguments.weights])
    torch.set_num_threads(1)
    model = load_model(arguments.weights).eval()
    even, begins = ScoringConfig().candidate_log_odds, TrackerConfig().start_odds
    plain = SyntheticConfig(
        split=MOTION_SPLIT, identities=20, negative_fraction=0.99, stereo=arguments.stereo
    )
    print(
        f"| group | inside: above {even:g} | at least {begins:g} | at the edge: above {even:g} | at least {begins:g} |"
    )
    print("|---|---|---|---|---|")
    tiles = []
    for name in GROUPS:
        shares = {name: 1.0} if name in NEGATIVE_GROUPS else {}
        cells = []
        for border in (1e-9, 1.0):
            config = replace(plain, negatives=NegativesConfig(**shares, border=border))
            odds, crops = log_odds(model, config, arguments.count, arguments.seed)
            tiles += [tile(crops[i], f"{name} {odds[i]:.1f}") for i in np.argsort(-odds)[:_COLUMNS]]
            cells += [f"{100 * (odds > even).mean():.1f} %", f"{100 * (odds >= begins).mean():.1f} %"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    if arguments.pictures:
        write_png(arguments.pictures, tile_pictures(tiles, _COLUMNS))


if __name__ == "__main__":
    sys.exit(exit_status("tools/measure_negatives.py", lambda _: main(), argparse.Namespace()))
