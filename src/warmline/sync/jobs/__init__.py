"""Work handed out by Procrastinate, on PostgreSQL: the queues, who defers a job, and what a worker does with one.

A job of a row names the row and nothing else, and is only a wake-up: whoever takes it reads the row afresh, and its
leases make it exact. A job that is lost, repeated or too late harms nothing. On SQLite nothing of this is imported.
"""
