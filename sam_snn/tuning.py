"""``finetune``: quantisation-aware training of a torch module, imported when it is called."""

from typing import Any

__all__ = ["finetune"]


def finetune(model: Any, loader, **options: Any):
    """Fine-tune a torch module so that its weights fit few bits (train.finetune.finetune).

    Needs torch, which nothing else of sam_snn does.
    """
    from train.finetune import finetune as tune
    return tune(model, loader, **options)
