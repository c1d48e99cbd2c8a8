"""Where the packages lie: in a wheel, all rooms below sam_snn; in a checkout, as they are.

A wheel claims one name, ``sam_snn``. ``pip install -e`` leaves the rooms where they are.
"""

import sys

from setuptools import find_packages, setup

ROOMS = ("golden", "hw", "boards", "flow", "sim", "apps", "train")
INSIDE = "sam_snn.rooms"


def places():
    """(packages, {package: folder}) of the wheel, or of the checkout."""
    rooms = find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])
    if "editable_wheel" in sys.argv:
        return find_packages(include=["sam_snn*", "verify*", "bench*"]) + rooms, {}
    folders = {f"{INSIDE}.{room}": room.replace(".", "/") for room in rooms}
    folders[f"{INSIDE}.models"] = "models"
    return [*find_packages(include=["sam_snn", "sam_snn.*"]), *folders], folders


packages, folders = places()
setup(
    packages=packages, package_dir=folders,
    package_data={"": ["*.json", "*.cpp", "page/*"], f"{INSIDE}.models": ["*.npz", "*.md"]},
    exclude_package_data={f"{INSIDE}.models": ["*_ann.npz"]})
