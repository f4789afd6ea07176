"""MediaPipe Hands in an environment of its own, timed on pictures that another process names.

Run by that environment's Python, so nothing of this package and nothing that it needs is imported here but numpy. In:
lines of JSON on standard input: {"pictures": file.npy (N, H, W, 3) RGB, "hands": how many} once, then {"order":
[indices]}. Out: a line of JSON for each: {"ready": version}, then {"ms": [...], "found": share of frames with so many}.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np


def main() -> None:
    """Answers until the input ends."""
    mediapipe = importlib.import_module(
        "mediapipe"
    )  # in its own environment only: no dependency of this package
    answers = sys.stdout
    sys.stdout = sys.stderr  # its libraries print
    setup = json.loads(sys.stdin.readline())
    pictures = np.load(setup["pictures"], allow_pickle=False)
    hands = mediapipe.solutions.hands.Hands(
        static_image_mode=False, max_num_hands=max(setup["hands"], 1), model_complexity=1
    )
    print(json.dumps({"ready": mediapipe.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        times, found = [], 0
        for place in wanted["order"]:
            picture = pictures[place]
            started = time.perf_counter()
            result = hands.process(picture)
            times.append(1e3 * (time.perf_counter() - started))
            found += len(result.multi_hand_landmarks or ()) == setup["hands"]
        print(json.dumps({"ms": times, "found": found / max(len(times), 1)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
