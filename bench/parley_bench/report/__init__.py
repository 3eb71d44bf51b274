"""One HTML page of files of results: targets, tables with their spread, pictures."""
