"""Goldens of the processor: what transformers, tokenizers and Pillow make of texts and pictures. From the seed alone:

    pip install -r requirements.txt && python processor.py

Inputs that are many or large are not stored: test/processor/random.ts makes the same ones. Their results are stored as
the first 16 digits of a SHA-256.
"""

import warnings

from pixels import image_processor_golden, png_golden, resize_golden
from texts import calls_golden, processors_golden, texts_golden
from transformers.utils import logging

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    for golden in (
        texts_golden,
        calls_golden,
        processors_golden,
        resize_golden,
        image_processor_golden,
        png_golden,
    ):
        golden()
