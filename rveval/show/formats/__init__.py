"""The formats that a report is written in, a file each; see `rveval.show.output`."""
