"""What applies to every HTTP request, before a page or a call of the API looks at it.

How many are served at once, how long a body may be, who waits too long, https, and the pages for errors. What depends
on who asks or on what they ask for belongs to `web/` and `api/`.
"""
