"""The distributed runtime: what of the SDK knows the wire.

A message's way out: `runtime` → `session` (an id, and who waits for the answer) → `frames` (queue, credit, numbers) →
`connection`. Its way in: `connection` → `frames` (receipts) → `session` → `runtime` (an answer) or `worker` (work).
"""
