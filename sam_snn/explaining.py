"""Methods of explanation that live in train, known by their names when they are asked for."""

from golden.explain.methods import METHODS, register
from golden.io.errors import BadInput

__all__ = ["LATE", "known"]

LATE = ("gradcam",)


def known(names):
    """Register those of ``LATE`` that are among ``names``; BadInput where torch is missing."""
    if "gradcam" not in names or "gradcam" in METHODS:
        return
    try:
        from train.gradcam import METHOD
    except ImportError as error:
        raise BadInput(f"--method gradcam: needs torch and captum (the extra \"train\"), and "
                       f"{error.name} is not installed") from None
    register(METHOD)
