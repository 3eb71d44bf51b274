"""The bugs of the reference broker, by what they are about. `BUGS` of each module has them in order."""
