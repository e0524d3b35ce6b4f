"""How people get in: the first admin's code, one-time links, and limits on guessing passwords."""
