"""The pages that people work in: Django templates, enhanced by htmx, and fully usable without it.

- A page: a function in `views/<noun>.py`, a line in `urls.py`, a template `web/<noun>/<page>.html` that extends
  `web/base.html`. It takes a `PageRequest`, whose user is known; `admins_only` refuses members.
- A fragment: the same view answers `web/<noun>/_<part>.html` when `request.htmx`; the page includes the same file.
  Each `hx-get` has an `href` beside it and each `hx-post` a form around it, so everything works without JavaScript.
- A form: a class in `forms/`, shown by `{{ form }}` or `{{ form.name.as_field_group }}`. A form that changes something
  existing is an `EditForm`: its `values()` are what the person changed. Redirect after success.
- A badge: `{% sync_badge row.sync_state row %}`; `live.js` keeps it up to date. An icon: `{% icon "phone" %}`. CSS
  classes: see `static/web/warmline.css`.
- No inline scripts or styles, and nothing from other hosts: the Content-Security-Policy blocks them, and
  `tests/web/pages.py` checks. Scripts are files in `static/web/`, and do nothing on pages without their elements.
"""
