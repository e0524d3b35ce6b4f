"""The promise: what is wanted in Pipedrive, how it is made true, and when it is tried again.

`wanted` says what must still be brought, `steps` bring it, `outcomes` decides what follows a failure, `engine` puts
the three together, and `dispatch` runs it. Listens to `crm/`; speaks to Pipedrive through `pipedrive/` alone.
"""
