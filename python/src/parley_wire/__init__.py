"""Generated wire code, one package per protocol version, and nothing else."""
