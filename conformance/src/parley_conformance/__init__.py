"""The conformance kit: says which rules of `proto/SPEC.md` an SDK or a broker keeps, and which it breaks."""

__version__ = "0.1.0"
