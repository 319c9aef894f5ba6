"""Make the live site of the course: JupyterLite, where lessons and exercises run in the browser, nothing installed.

    python notebooks/lite.py DIR --pyodide FOLDER

writes the site into a new folder. FOLDER holds an unpacked release of Pyodide, Python for browsers. The site holds all
that it needs and asks no other host for anything; serve it by any web server: `python -m http.server -d DIR`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from minidrcn.course.grading.release import read, release
from minidrcn.data.datasets import image_paths
from minidrcn.errors import InputError

FOLDER = Path(__file__).parent
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
# What is loaded before any cell is run: what the kernel needs, and the course.
FIRST = ("micropip", "piplite", "pyodide-kernel", "ipykernel", "comm", "jedi", "ipython", "minidrcn")
# A page may not download image sets; SciPy, 14 MB, is for transparent edges alone; the sliders' script is the site's.
LEFT_OUT = {"requests", "scipy", "jupyterlab-widgets"}
PLUGIN = "@jupyterlite/pyodide-kernel-extension"
EXTENSIONS = {PLUGIN, "@jupyter-widgets/jupyterlab-manager"}  # of all that are installed where the site is made
KERNELSPEC = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}


def contents(folder: Path) -> None:
    """Write what a learner sees, for the site's kernel: lessons, what they read, and exercises without solutions."""
    shutil.copytree(FOLDER / "images", folder / "images")
    release(folder / "exercises")
    for path in FOLDER.glob("[0-9][0-9]_*.ipynb"):
        shutil.copyfile(path, folder / path.name)
    for path in folder.rglob("*.ipynb"):
        notebook = read(path)
        notebook["metadata"]["kernelspec"] = KERNELSPEC
        path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")


def photographs(folder: Path) -> Path:
    """A wheel that stands for scikit-image and has its photographs alone: its code would bring SciPy, 20 MB."""
    version = importlib.metadata.version("scikit-image")
    path, about = folder / f"scikit_image-{version}-py3-none-any.whl", f"scikit_image-{version}.dist-info"
    photos = image_paths("photos") + image_paths("photos", held_out=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("skimage/__init__.py", '"""The photographs of scikit-image, without its code."""\n')
        for photo in photos:
            wheel.write(photo, f"skimage/data/{photo.name}")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: scikit-image\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return path


def pip(*arguments: str | Path) -> None:
    """Run pip; it says itself what is wrong."""
    subprocess.run([sys.executable, "-m", "pip", *map(str, arguments)], check=True)


def download(folder: Path, python: str, *requirements: str) -> None:
    """Download pure Python wheels for the site's Python."""
    options = ("--no-deps", "--only-binary", ":all:", "--python-version", python, "-d", folder)
    pip("download", "-q", *options, *requirements)


def read_lock(source: Path) -> tuple[dict[str, Any], str]:
    """What a release of Pyodide says of its packages, and the version of its Python, such as 3.14."""
    lock = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    return lock, lock["info"]["python"].rpartition(".")[0]


def entry(wheel: Path, python: str) -> dict[str, Any]:
    """A wheel as Pyodide's lock describes it."""
    name, version, *_ = parse_wheel_filename(wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (about,) = (member for member in names if member.endswith(".dist-info/METADATA"))
        needed = re.findall(r"(?m)^Requires-Dist: (.+)$", archive.read(about).decode())
    here = {"sys_platform": "emscripten", "python_version": python, "extra": ""}
    requirements = [one for one in map(Requirement, needed) if one.marker is None or one.marker.evaluate(here)]
    return {
        "name": name,
        "version": str(version),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": digest(wheel),
        "package_type": "package",
        "imports": sorted({member.split("/")[0] for member in names if re.match(r"[a-z_0-9]+/", member)}),
        "depends": sorted({canonicalize_name(one.name) for one in requirements} - LEFT_OUT),
    }


def digest(path: Path) -> str:
    """A file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def closure(packages: dict[str, dict], wanted: Iterable[str]) -> list[str]:
    """The names of what is wanted and of all that it depends on. Raises `InputError` if one is missing."""
    found: list[str] = []
    waiting = list(wanted)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.append(name)
            if name not in packages:
                raise InputError(f"pyodide-lock.json: no {name} in it; expected a release that fits the kernel")
            waiting += packages[name]["depends"]
    return found


def write_packages(source: Path, target: Path, wheels: Path) -> None:
    """Write Python, its lock and all wheels of the course into the site.

    Args:
        source: the release of Pyodide.
        target: a new folder of the site.
        wheels: those that the release does not have; what is missing is downloaded into it.
    """
    lock, python = read_lock(source)
    packages = {canonicalize_name(name): package for name, package in lock["packages"].items()}
    own = {one["name"]: one for one in (entry(path, python) for path in wheels.glob("*.whl"))}
    own["minidrcn"]["depends"].append("ipywidgets")  # its sliders import it where no cell sees it
    packages |= own
    target.mkdir(parents=True)
    for name in RUNTIME:
        shutil.copyfile(source / name, target / name)
    kept = {name: packages[name] for name in closure(packages, FIRST)}
    for name, package in kept.items():
        path = (wheels if name in own else source) / package["file_name"]
        if path.name.endswith("none-any.whl") and not path.is_file():
            download(wheels, python, f"{name}=={package['version']}")
            path = wheels / path.name
            package["sha256"] = digest(path)  # Pyodide packs some of them anew
        if not path.is_file() or digest(path) != package["sha256"]:
            raise InputError(f"{path}: missing, or not what pyodide-lock.json says; expected a whole release")
        shutil.copyfile(path, target / path.name)
    lock["packages"] = kept
    (target / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def build(pyodide: Path, work: Path) -> Path:
    """Make the site in a scratch folder.

    Args:
        pyodide: the release of Pyodide.
        work: the scratch folder.

    Returns:
        the folder inside it that is the site.
    """
    site, wheels = work / "site", work / "wheels"
    contents(work / "contents")
    pip("wheel", "-q", "--no-deps", "-w", wheels, FOLDER.parent)
    photographs(wheels)
    download(
        wheels,
        read_lock(pyodide)[1],
        *(f"{name}=={importlib.metadata.version(name)}" for name in ("ipywidgets", "comm")),
    )
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--apps", "lab", "--no-sourcemaps"]
    subprocess.run([*command, "--contents", work / "contents", "--output-dir", site], check=True, cwd=work, stdout=2)
    for path in (site / "extensions" / PLUGIN / "static" / "pypi").glob("*.whl"):
        shutil.copyfile(path, wheels / path.name)
    write_packages(pyodide, site / "static" / "pyodide", wheels)
    path = site / "jupyter-lite.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    data = config["jupyter-config-data"]
    data["appName"] = "minidrcn"
    data["federated_extensions"] = [one for one in data["federated_extensions"] if one["name"] in EXTENSIONS]
    data.setdefault("litePluginSettings", {}).setdefault(f"{PLUGIN}:kernel", {}).update(
        pyodideUrl="./static/pyodide/pyodide.mjs", disablePyPIFallback=True, loadPyodideOptions={"packages": FIRST}
    )
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return site


def main() -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description="Make the live site of the course.")
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new folder")
    parser.add_argument("--pyodide", metavar="FOLDER", type=Path, required=True, help="an unpacked release of Pyodide")
    args = parser.parse_args()
    if args.folder.exists():
        parser.error(f"{args.folder}: exists; name a new folder")
    for name in ("pyodide-lock.json", *RUNTIME):
        if not (args.pyodide / name).is_file():
            parser.error(f"{args.pyodide}: no {name} in it; expected an unpacked release of Pyodide")
    for library in ("jupyterlite_core", "jupyterlite_pyodide_kernel", "ipywidgets"):
        if importlib.util.find_spec(library) is None:
            needs = f'needs {library}, which is not installed: pip install -e ".[live]" brings it'
            parser.exit(1, f"lite.py: error: {needs}\n")
    with tempfile.TemporaryDirectory() as work:
        try:
            site = build(args.pyodide.resolve(), Path(work))
        except InputError as error:
            print(f"lite.py: error: {error}", file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as error:
            return error.returncode  # it has said why
        shutil.move(site, args.folder)
    size = sum(path.stat().st_size for path in args.folder.rglob("*") if path.is_file())
    print(f"written: {args.folder}, {size / 1e6:.0f} MB; look at it: python -m http.server -d {args.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
