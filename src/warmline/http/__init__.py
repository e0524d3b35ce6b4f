"""What applies to every HTTP request before a page or an API call looks at it.

How many are served at once, how large a body may be, how slow a client, https, and error pages. Anything that depends
on the user or on the address belongs to `web/` or `api/`.
"""
