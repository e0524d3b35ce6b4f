"""The pages' views, by noun. Each is short: it reads the request, asks crm or sync, and shows a template."""
