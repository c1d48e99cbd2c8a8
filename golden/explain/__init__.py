"""Explanations of a network besides SAM, and how good they are."""

__all__ = ["explain"]


def explain(image, network, method: str = "sam", *, result=None, progress=iter, **options):
    """Explain one image by a method of golden.explain.methods.METHODS.

    By hand: ``explain(image, network, "count", layer=1).heat[t]`` is how many channels of layer 1
    spike in step t, pixel by pixel.

    Parameters
    ----------
    image : (C, H, W), or (T, C, H, W) of frames
        As golden.run takes one.
    network : golden.network.Network
    method : str
    result : None or golden.network.result.Result
        Of golden.run on the image alone, with the spikes of all layers; run here without.
    progress : function
        Wraps the iterable of a method's own runs.
    options :
        Members of golden.explain.methods.base.Question: layer, output_neuron, versus ...

    Returns
    -------
    golden.explain.methods.base.Explanation

    Raises golden.io.errors.BadInput, in one line, where the question does not fit the network.
    """
    from golden.explain.methods import answer, checked
    from golden.explain.methods.base import Question
    from golden.run import run
    question = checked(Question(method=method, **options), network)
    result = run(image[None], network) if result is None else result
    return answer(question, network, image, result, progress=progress)
