"""What is learnt: pictures and texts find one another in the batch (ALIGN), and both find the class of their caption."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AlignModel

from batches import Batch
from model import TEMPERATURE, embed_texts, image_features

SMOOTHING = 0.1


class Heads(nn.Module):
    """Used in training only, and thrown away."""

    def __init__(self, classes: int, words: int, width: int):
        super().__init__()
        self.proxies = nn.Parameter(torch.randn(classes, width) * width**-0.5)  # shared by pictures and texts
        self.norm = nn.BatchNorm1d(width)
        self.words = nn.Linear(width, words)


def contrast(texts: torch.Tensor, images: torch.Tensor, also_true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """ALIGN's loss both ways, without the pairs that are no mistakes; and the share of texts that find their picture."""
    scores = (texts @ images.T / TEMPERATURE).masked_fill(also_true, -1e4)
    loss = texts.new_zeros(())
    for rows, excluded in ((scores, also_true), (scores.T, also_true.T)):
        log = F.log_softmax(rows, 1)
        spread = log.masked_fill(excluded, 0).sum(1) / (~excluded).sum(1)
        loss = loss - 0.5 * ((1 - SMOOTHING) * log.diagonal() + SMOOTHING * spread).mean()
    return loss, (scores.argmax(1) == torch.arange(len(scores))).float().mean()


def losses(model: AlignModel, heads: Heads, batch: Batch, related: list[list[int]]) -> dict[str, torch.Tensor]:
    """'contrast', 'image' and 'text' (proxies), 'words'; 'found' is no loss but the share found in the batch."""
    features = image_features(model, batch.pixels)
    images, texts = F.normalize(features, dim=-1), embed_texts(model, batch.ids, batch.mask)
    contrastive, found = contrast(texts[: len(images)], images, batch.also_true)
    proxies = F.normalize(heads.proxies, dim=-1)

    known = batch.classes >= 0
    logits = images[known] @ proxies.T / TEMPERATURE
    excluded = torch.zeros(logits.shape, dtype=torch.bool)
    for row, own in enumerate(batch.classes[known].tolist()):
        excluded[row, related[own]] = True
    image = F.cross_entropy(logits.masked_fill(excluded, -1e4), batch.classes[known])

    # A text may name several classes: each of them is right, none has to be the first.
    named = batch.text_classes.any(1)
    log = F.log_softmax(texts[named] @ proxies.T / TEMPERATURE, 1)
    text = -log.masked_fill(~batch.text_classes[named], -1e4).logsumexp(1).mean()

    words = -(batch.words * F.log_softmax(heads.words(heads.norm(features)), 1)).sum(1).mean()
    return {"contrast": contrastive, "image": image, "text": text, "words": words, "found": found}
