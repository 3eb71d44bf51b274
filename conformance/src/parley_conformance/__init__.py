"""The conformance kit: says which rules of `proto/SPEC.md` an SDK or a broker keeps, and where not, which one it breaks."""

__version__ = "0.1.0"
