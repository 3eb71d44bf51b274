"""Cases that need loops or conditions: named Python code, which a suite refers to by `workload`.

A workload of kind `broker` is given the `broker_case.Table`, one of kind `pair` the `pair_case.Table`, and the case's
`arguments` by name. It raises `Failed`; returning means that its part held. `registry` has them all.
"""
