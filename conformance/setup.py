"""Puts the kit's data into its wheel: beside the code they are where paths.py looks for them first."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
FOLDERS = ("adapters/python", "docs", "profiles", "scaffolds", "schema", "suites", "vectors")
FILES = ("README.md", "adapters/PROTOCOL.md", "adapters/probe.proto")


class BuildWithData(build_py):
    """Builds the package, and copies the data that lie outside of it in a checkout."""

    def run(self) -> None:
        """As `build_py.run`; what is installed for editing reads the checkout."""
        super().run()
        if self.editable_mode:
            return
        contract = HERE.parent / "proto"
        if not contract.is_dir():
            raise FileNotFoundError(f"{contract} is not there: the kit is built in a checkout of the repository")
        data = Path(self.build_lib) / "parley_conformance" / "data"
        shutil.rmtree(data, ignore_errors=True)
        built = shutil.ignore_patterns("__pycache__", "bin", "obj")
        for name in FOLDERS:
            shutil.copytree(HERE / name, data / "conformance" / name, ignore=built)
        for name in FILES:
            shutil.copy(HERE / name, data / "conformance" / name)
        shutil.copytree(contract / "parley", data / "proto" / "parley")
        shutil.copy(contract / "SPEC.md", data / "proto")


setup(cmdclass={"build_py": BuildWithData})
