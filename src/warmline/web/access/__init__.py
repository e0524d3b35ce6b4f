"""How people get in: the first admin's code, one-time links, and the limits to guessing at passwords."""
