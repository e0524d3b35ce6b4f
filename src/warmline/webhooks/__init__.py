"""Tells other programs what happens here, by webhooks signed as Standard Webhooks (https://www.standardwebhooks.com).

A delivery is a row that says what must be told to whom. It is written in the transaction of what happened, and stays
until the receiver has answered, or it is given up. So a receiver gets each event at least once, in order per record.
"""
