"""The ALIGN that is trained, its processor's sizes, and its tokens."""

from pathlib import Path

import torch
from torch import nn
from transformers import AlignConfig, AlignModel

IMAGE_SIZE = 48  # Training, evaluation, config and preprocessor agree: at another size the accuracy is that of chance.
TEMPERATURE = 0.05
MAX_TOKENS = 20  # Longer captions are cut in training.
POSITIONS = 64  # AlignProcessor pads to 64 by default.


def make_model(vocabulary: int) -> AlignModel:
    """A narrow EfficientNet (early maps narrow, late ones wide, as their pixels are few) and a small BERT."""
    channels = [16, 32, 64, 128, 192, 256, 344]
    vision = {
        "image_size": IMAGE_SIZE, "width_coefficient": 0.75, "depth_coefficient": 1.0, "depthwise_padding": [],
        "strides": [1, 2, 2, 2, 1, 2, 1], "kernel_sizes": [3] * 7, "expand_ratios": [1, 3, 4, 4, 4, 4, 4],
        "in_channels": [32, *channels[:-1]], "out_channels": channels, "num_block_repeats": [1, 1, 2, 2, 2, 2, 1],
        "batch_norm_momentum": 0.1, "drop_connect_rate": 0.0, "hidden_dim": 64,
    }  # fmt: skip
    text = {
        "vocab_size": vocabulary, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512,
        "max_position_embeddings": POSITIONS, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "pad_token_id": 0,
    }  # fmt: skip
    # Embeddings are the pooled last stage: 344 × 0.75 rounds to 256 channels.
    config = AlignConfig(text_config=text, vision_config=vision, projection_dim=256, temperature_init_value=TEMPERATURE)
    model = AlignModel(config).to(memory_format=torch.channels_last)
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
            nn.init.normal_(module.weight, 0, (2 / fan_out) ** 0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, 0, 0.05 if "word" in name else 0.02)
    # Not trained: the scale of logits, and BERT's pooler, which ALIGN does not use.
    for parameter in (model.temperature, *model.text_model.pooler.parameters()):
        parameter.requires_grad_(False)
    return model


def load(path: Path, vocabulary: int) -> AlignModel:
    """A checkpoint folder, or ema.pt of train.py."""
    if path.is_dir():
        return AlignModel.from_pretrained(path, dtype=torch.float32).eval()
    model = make_model(vocabulary)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


class Words:
    """Captions as token ids, by the vocabulary of data.py: what BertTokenizer gives, each word looked up once."""

    def __init__(self, cache: Path):
        from transformers import BertTokenizer

        pieces = (cache / "vocab.txt").read_text().split("\n")[:-1]
        self.vocabulary = {piece: i for i, piece in enumerate(pieces)}
        self.tokenizer = BertTokenizer(vocab=self.vocabulary, do_lower_case=True, model_max_length=POSITIONS)
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        ids = [self.vocabulary["[CLS]"]]
        for word in text.split():
            if word not in self._known:
                self._known[word] = self.tokenizer.encode(word, add_special_tokens=False)
            ids += self._known[word]
        return [*ids[: MAX_TOKENS - 1], self.vocabulary["[SEP]"]]

    def batch(self, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(input_ids, attention_mask), padded to the longest."""
        rows = [self.ids(text) for text in texts]
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        return ids, (ids != 0).long()


def embed_texts(model: AlignModel, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit rows. Short texts are run apart from long ones, so that less is padding."""
    lengths = mask.sum(1)
    order = lengths.argsort(stable=True)
    rows = []
    for part in order.chunk(3):
        longest = int(lengths[part].max())
        features = model.get_text_features(input_ids=ids[part, :longest], attention_mask=mask[part, :longest])
        rows.append(features.pooler_output)
    return nn.functional.normalize(torch.cat(rows)[order.argsort()], dim=-1)


def image_features(model: AlignModel, pixels: torch.Tensor) -> torch.Tensor:
    """Pooled features, not yet of unit length; `pixels` from -1 to 1."""
    return model.vision_model(pixel_values=pixels.contiguous(memory_format=torch.channels_last)).pooler_output
