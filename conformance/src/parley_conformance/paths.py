"""Where the kit's data lie: suites, schemas, vectors, adapters and the specification."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve()
INSTALLED = (_HERE.parent / "data").is_dir()
"""True for the kit of a wheel, which has its data beside its code; else they are those of a checkout."""

ROOT = _HERE.parent / "data" if INSTALLED else _HERE.parents[3]
CONFORMANCE = ROOT / "conformance"
SUITES = CONFORMANCE / "suites"
SCHEMAS = CONFORMANCE / "schema"
VECTORS = CONFORMANCE / "vectors"
MUTANTS = CONFORMANCE / "mutants"
ADAPTERS = CONFORMANCE / "adapters"
PROFILES = CONFORMANCE / "profiles"
SCAFFOLDS = CONFORMANCE / "scaffolds"
SPEC = ROOT / "proto" / "SPEC.md"
BUILD = (Path.cwd() if INSTALLED else ROOT) / "build" / "conformance"
