"""The pages' views, by noun. Each is short: it reads the request, calls crm or sync, and renders a template."""
