"""Ways out for a result: one file each. Needs the hall alone; begin with `waterfall`."""
