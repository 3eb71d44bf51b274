"""What the kit tells: on the console while it runs, and in files afterwards."""
