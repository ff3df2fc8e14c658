"""Trains align-icons on what data.py made. Killed at any moment, it goes on where it last saved.

    python train.py                      (one command, to the end; the same again goes on)
    python train.py --samples 8000000    (a longer run, or one made longer: see `rate`)

Two processes of one thread each share every step: each makes and judges its own half of the batch, gradients are
averaged in shared memory. Batches follow from (seed, step, process) and the learning rate from the samples seen, so
that a busy machine or a restart changes nothing. Writes into --out: state.pt (everything), ema.pt (the averaged
weights, which are the ones to use) and log.jsonl (losses, and accuracy on the validation sets).
"""

import argparse
import copy
import ctypes
import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.multiprocessing as mp
from torch import nn

from batches import Batches
from losses import Heads, losses
from metrics import HeldOut, quick
from model import Words, load, make_model
from sources import VALIDATION

WEIGHTS = {"contrast": 1.0, "image": 0.7, "text": 0.4, "words": 0.4}
WARM_UP = 300  # steps
EMA, EMA_EVERY = 0.9995, 4  # decay a step; applied every so many steps


def rate(seen: int, step: int, total: int, share: float) -> float:
    """Warm-up, stable, and decay over the last `share` of all samples: before that nothing depends on `total`, so that
    a run can be made longer or shorter."""
    left = (total - seen) / (share * total)
    return min(1.0, (step + 1) / WARM_UP) * max(0.0, min(1.0, left))


class Shared:
    """One flat gradient a process, averaged between two barriers."""

    def __init__(self, processes: int, length: int):
        self.slots = [torch.zeros(length).share_memory_() for _ in range(processes)]
        self.barrier = mp.get_context("fork").Barrier(processes)

    def average(self, rank: int, parameters: list[nn.Parameter]) -> None:
        if len(self.slots) == 1:
            return
        slot = self.slots[rank]
        torch.cat([p.grad.flatten() for p in parameters], out=slot)
        self.barrier.wait()
        mean = torch.stack(self.slots).mean(0)
        self.barrier.wait()
        at = 0
        for p in parameters:
            p.grad.copy_(mean[at : at + p.numel()].view(p.shape))
            at += p.numel()


def keep_memory() -> None:
    """Has glibc keep what is freed: giving pages back and taking them again costs a fifth of a step."""
    if sys.platform == "linux":
        trim_threshold, mmap_max = -1, -4  # malloc.h
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)


def save(state: dict, path: Path) -> None:
    """Written beside and renamed: a kill leaves the old file or the new one."""
    torch.save(state, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def groups(model: nn.Module, heads: nn.Module, decay: float) -> list[dict]:
    """Matrices decay; vectors, embeddings of texts and proxies do not."""
    named = [*model.named_parameters(), *heads.named_parameters()]
    named = [(n, p) for n, p in named if p.requires_grad]
    free = [p for n, p in named if p.ndim < 2 or "text_model.embeddings" in n or n == "proxies"]
    kept = {id(p) for p in free}
    return [
        {"params": [p for _, p in named if id(p) not in kept], "weight_decay": decay},
        {"params": free, "weight_decay": 0.0},
    ]


class Run:
    """A model with heads, optimizer and average, at some step."""

    def __init__(self, args: argparse.Namespace, rank: int, batches: Batches):
        torch.manual_seed(args.seed)
        self.args, self.rank, self.batches = args, rank, batches
        self.model = make_model(len(batches.texts.vocabulary)).train()
        if args.init:
            self.model.load_state_dict(load(args.init, len(batches.texts.vocabulary)).state_dict())
        self.heads = Heads(len(batches.class_names), len(batches.head_words), self.model.config.projection_dim)
        self.parameters = [p for m in (self.model, self.heads) for p in m.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            groups(self.model, self.heads, args.weight_decay), lr=args.rate, betas=(0.9, 0.98), fused=True
        )
        self.average = copy.deepcopy(self.model).eval()
        self.step = self.seen = 0
        if (args.out / "state.pt").exists():
            self.load(torch.load(args.out / "state.pt", weights_only=True))

    def load(self, state: dict) -> None:
        for name in ("model", "heads", "optimizer", "average"):
            getattr(self, name).load_state_dict(state[name])
        # Running means are each process's own; the others' are not saved, and a few steps make them again.
        self.step, self.seen = state["step"], state["seen"]

    def save(self) -> None:
        modules = {name: getattr(self, name).state_dict() for name in ("model", "heads", "optimizer", "average")}
        save({**modules, "step": self.step, "seen": self.seen, "seed": self.args.seed}, self.args.out / "state.pt")
        save(modules["average"], self.args.out / "ema.pt")

    def advance(self, shared: Shared) -> dict[str, float]:
        """One step; the losses of this process's part."""
        args = self.args
        for group in self.optimizer.param_groups:
            group["lr"] = args.rate * rate(self.seen, self.step, args.samples, args.decay_share)
        batch = self.batches.make(self.step, self.rank, self.seen)
        parts = losses(self.model, self.heads, batch, self.batches.related)
        self.optimizer.zero_grad(set_to_none=True)
        sum(weight * parts[name] for name, weight in WEIGHTS.items()).backward()
        shared.average(self.rank, self.parameters)
        nn.utils.clip_grad_norm_(self.parameters, 3.0)
        self.optimizer.step()
        self.step += 1
        self.seen += args.processes * args.batch
        if self.rank == 0 and self.step % EMA_EVERY == 0:
            self.follow(min(EMA**EMA_EVERY, self.step / (self.step + 40)))
        return {name: value.item() for name, value in parts.items()}

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
        for mean, now in zip(self.average.buffers(), self.model.buffers()):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)


def work(rank: int, args: argparse.Namespace, batches: Batches, shared: Shared) -> None:
    keep_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    run = Run(args, rank, batches)
    held_out = HeldOut(args.cache, VALIDATION) if rank == 0 else None
    words = Words(args.cache)

    def log(entry: dict) -> None:
        line = json.dumps(
            {"time": time.strftime("%H:%M:%S", time.gmtime()), "step": run.step, "seen": run.seen, **entry}
        )
        print(line, flush=True)
        with open(args.out / "log.jsonl", "a") as file:
            file.write(line + "\n")

    sums: dict[str, float] = {}
    since = saved = time.monotonic()
    validated = run.seen // args.validate
    while run.seen < args.samples:
        for name, value in run.advance(shared).items():
            sums[name] = sums.get(name, 0.0) + value / args.log
        if rank != 0:
            continue
        if run.step % args.log == 0:
            now = time.monotonic()
            speed = args.log * args.processes * args.batch / (now - since)
            log({**{name: round(value, 4) for name, value in sums.items()}, "samples_per_second": round(speed)})
            sums, since = {}, now
        if run.seen // args.validate > validated or run.seen >= args.samples:
            validated = run.seen // args.validate
            log({"validation": quick(run.average, words, held_out)})
        if time.monotonic() - saved > args.save_seconds:
            run.save()
            saved = time.monotonic()
    if rank == 0:
        run.save()


def main() -> None:
    here = Path(__file__).parent
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", type=Path, default=here / ".cache", help="what data.py wrote")
    options.add_argument(
        "--out", type=Path, default=here / ".cache/run", help="where state, averaged weights and log go"
    )
    options.add_argument("--init", type=Path, help="a checkpoint folder or ema.pt whose towers to start from")
    options.add_argument("--samples", type=int, default=3_000_000)
    options.add_argument("--batch", type=int, default=96, help="pictures a process and step")
    options.add_argument("--queries", type=int, default=32, help="texts without a picture, a process and step")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--rate", type=float, default=2e-3, help="learning rate")
    options.add_argument(
        "--decay-share", type=float, default=0.2, help="share of the samples over which the learning rate falls"
    )
    options.add_argument("--weight-decay", type=float, default=0.05)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--log", type=int, default=100, help="steps between lines of the log")
    options.add_argument("--validate", type=int, default=150_000, help="samples between validations")
    options.add_argument("--save-seconds", type=float, default=150)
    args = options.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # Before the fork: OpenMP's threads do not survive it.
    batches = Batches(args.cache, args.seed, args.batch, args.queries)
    model = make_model(len(batches.texts.vocabulary))
    heads = Heads(len(batches.class_names), len(batches.head_words), model.config.projection_dim)
    length = sum(p.numel() for m in (model, heads) for p in m.parameters() if p.requires_grad)
    print(
        f"{sum(p.numel() for p in model.parameters())} parameters, {len(batches.class_names)} classes, "
        f"{len(batches.head_words)} words",
        flush=True,
    )
    mp.start_processes(
        work, (args, batches, Shared(args.processes, length)), nprocs=args.processes, start_method="fork"
    )


if __name__ == "__main__":
    main()
