"""Where the kit's data lie: suites, schemas, vectors, adapters and the specification."""

from __future__ import annotations

from pathlib import Path

CONFORMANCE = Path(__file__).resolve().parents[2]
SUITES = CONFORMANCE / "suites"
SCHEMAS = CONFORMANCE / "schema"
VECTORS = CONFORMANCE / "vectors"
MUTANTS = CONFORMANCE / "mutants"
ADAPTERS = CONFORMANCE / "adapters"
PROFILES = CONFORMANCE / "profiles"
SCAFFOLDS = CONFORMANCE / "scaffolds"
SPEC = CONFORMANCE.parent / "proto" / "SPEC.md"
