"""``python3 -m hand_pose_ros.nodes.demo``: the demo, see ``demo``."""

from __future__ import annotations

import sys

from hand_pose_ros.nodes.demo.demo import main

sys.exit(main())
