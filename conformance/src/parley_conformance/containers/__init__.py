"""The parties of a case in containers of their own, on networks that were made for the run."""
