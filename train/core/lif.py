"""Leaky integrate-and-fire neurons in integers, with surrogate gradients, over all steps at once.

On a CPU ``lif.cpp`` does the work, elsewhere (and as its reference in the tests) torch.
"""

import ctypes
import subprocess
from functools import cache
from pathlib import Path

import torch

from golden.io.files import replacing

SURROGATES = ("atan", "linear")     # 1 / (1 + x**2), max(0, 1 - |x|)


@cache
def kernels():
    """Build ``lif.cpp`` for this machine, once, and give its functions."""
    source = Path(__file__).with_name("lif.cpp")
    library = Path("build/train/lif.so").absolute()
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        with replacing(library) as aside:
            # Not -ffast-math: it turns the reset into a branch, which keeps the loop scalar.
            subprocess.run(["g++", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math",
                            "-fopenmp-simd", "-shared", "-fPIC", source, "-o", aside], check=True)
    return ctypes.CDLL(library)


def call(name, arrays, steps, *scalars):
    """Call a kernel of ``lif.cpp`` on arrays of one shape and type, T outermost."""
    first = arrays[0]
    kind = {torch.float32: "float", torch.bfloat16: "bf16"}[first.dtype]
    kernels()[f"{name}_{kind}"](
        *(ctypes.c_void_p(array.data_ptr()) for array in arrays),
        ctypes.c_int64(first.numel() // steps), ctypes.c_int(steps), *map(ctypes.c_float, scalars))


def membranes(current, steps, leak, gain, theta):
    """(T, ...) membranes of the currents (T * N, ...), in torch."""
    now, found = 0.0, []
    for added in current.float().unflatten(0, (steps, -1)):
        now = now - (torch.floor(now * leak) if found else 0.0) + gain * added - theta * (
            (now > theta) if found else 0.0)
        found.append(now)
    return torch.stack(found)


def blame(u, g_spikes, leak, gain, theta, slope, price, surrogate):
    """Gradient of the currents from that of the spikes, in torch; arguments as in ``Lif``."""
    steps, x = len(u), (u / theta - 1) * slope
    share = (1 - x.abs()).clamp(min=0) if surrogate == "linear" else 1 / (1 + x * x)
    peak = (u == u.amax(0)) & (u > theta)
    given = (g_spikes.float().unflatten(0, (steps, -1)) + price * peak) * share / theta
    carried, found = 0.0, []
    for t in reversed(range(steps)):
        carried = given[t] + (1 - leak) * carried
        found.append(gain * carried)
    return torch.stack(found[::-1]).flatten(0, 1)


class Lif(torch.autograd.Function):
    """Spikes of leaky integrate-and-fire neurons from integer currents, all steps at once.

    u[t] = u[t-1] - floor(u[t-1] leak) + gain I[t] - theta s[t-1], s[t] = u[t] > theta. Backward,
    with x = slope (u / theta - 1), ds/du is 1 / (theta (1 + x**2)) for the ``surrogate`` "atan"
    and max(0, 1 - |x|) / theta for "linear"; the reset is taken as constant, and ``price`` is
    added to the loss for every train that is not all zero, charged to its peak.
    """

    @staticmethod
    def forward(ctx, current, steps, leak, gain, theta, slope, price, surrogate="atan"):
        current = current.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(current)
        ctx.given = steps, leak, gain, theta, slope, price, float(surrogate == "linear")
        if current.is_cuda:
            fired = membranes(current, steps, leak, gain, theta) > theta
            return fired.flatten(0, 1).to(current.dtype)
        spikes = torch.empty_like(current)
        call("forward", (current, spikes), steps, leak, gain, theta)
        return spikes

    @staticmethod
    def backward(ctx, g_spikes):
        current, = ctx.saved_tensors
        steps, leak, gain, theta, slope, price, tent = ctx.given
        if current.is_cuda:
            u = membranes(current, steps, leak, gain, theta)
            g_current = blame(u, g_spikes, leak, gain, theta, slope, price,
                              SURROGATES[int(tent)]).to(current.dtype)
        else:
            g_spikes = g_spikes.contiguous(memory_format=torch.channels_last)
            g_current = torch.empty_like(current)
            call("backward", (current, g_spikes, g_current), *ctx.given)
        return g_current, *[None] * 7
