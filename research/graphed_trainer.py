"""Training steps as one CUDA graph: beside a fast GPU a step's thousands of small kernels take longer to launch than to
run.

In: what a :class:`~hand_pose_ros.training.trainer.Trainer` is made from. Out: the same run, whose forward, backward and
optimiser's step are recorded at the first step and replayed afterwards. Without CUDA its steps are
the trainer's own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hand_pose_ros.datasets.torch_batch import TRUTH, TorchBatch
from hand_pose_ros.network.losses import Target
from hand_pose_ros.training.trainer import Trainer

_WARM_STEPS = 3
"""Steps before the recording, in which libraries choose their kernels; torch's documentation asks for some."""


class GraphedTrainer(Trainer):
    """A ``PoseTrainer`` whose steps are replayed. Every batch must have the first one's shapes."""

    _graph: torch.cuda.CUDAGraph | None = None
    _held: TorchBatch
    _terms: dict[str, Tensor]

    def __init__(self, *given: object, **more: object) -> None:
        super().__init__(*given, **more)  # type: ignore[arg-type]
        self.graphed = self.device.type == "cuda"
        if self.graphed:
            # A recorded step reads its rate from the device's memory, and skips what is not finite by itself.
            rate = torch.tensor(self.learning_rate(), device=self.device)
            self.optimiser = torch.optim.AdamW(
                self.task.parameter_groups(self.model),
                lr=rate,
                betas=(0.9, self.task.optimiser.beta2),
                fused=True,
                capturable=True,
            )
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self._rate = rate

    def _descend(self, batch: TorchBatch) -> dict[str, Tensor]:
        if not self.graphed:
            return super()._descend(batch)
        self._rate.fill_(self.learning_rate())
        self.updated = True
        if self._graph is None:
            self._held = _like(batch)
            _copy(batch, self._held)
            if self.step < _WARM_STEPS:
                return self._warm_step()
            self._record()
        _copy(batch, self._held)
        assert self._graph is not None
        self._graph.replay()
        return self._terms

    def _warm_step(self) -> dict[str, Tensor]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            terms = self._whole_step()
        torch.cuda.current_stream().wait_stream(stream)
        return terms

    def _record(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._terms = self._whole_step()
        self._graph = graph

    def _whole_step(self) -> dict[str, Tensor]:
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        loss, terms = self.task.loss(self.model, self._held)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.task.optimiser.clip_norm)
        # As of torch's gradient scaler: the fused optimiser changes nothing where this is 1.
        self.optimiser.found_inf = (~torch.isfinite(norm)).float()  # type: ignore[attr-defined]
        self.optimiser.step()
        return {**terms, "gradient_norm": norm}


def _like(batch: TorchBatch) -> TorchBatch:
    """Memory of a batch's shapes."""
    target = batch.target
    truth = {name: torch.empty_like(getattr(target, name)) for name in TRUTH}
    return TorchBatch(
        torch.empty_like(batch.crop),
        torch.empty_like(batch.distance),
        Target(**truth, mirrored=target.mirrored),
    )


def _copy(batch: TorchBatch, held: TorchBatch) -> None:
    """A batch's values into memory of its shapes."""
    held.crop.copy_(batch.crop)
    held.distance.copy_(batch.distance)
    for name in TRUTH:
        getattr(held.target, name).copy_(getattr(batch.target, name))
