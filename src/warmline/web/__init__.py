"""The pages that people work in: Django templates, made livelier by htmx, and whole without it.

- A page: a function in `views/<noun>.py`, a line in `urls.py`, a template `web/<noun>/<page>.html` that extends
  `web/base.html`. It takes a `PageRequest`, whose user is known; `admins_only` refuses members.
- A fragment: the same view answers `web/<noun>/_<part>.html` when `request.htmx`; the page includes the same file.
  Beside each `hx-get` stands an `href`, around each `hx-post` a form, so that all of it works without JavaScript.
- A form: a class in `forms/`, shown by `{{ form }}` or `{{ form.name.as_field_group }}`. One
  that changes what is there is an `EditForm`: its `values()` are what the person changed. After a success, redirect.
- A badge: `{% sync_badge row.sync_state row %}`; `live.js` keeps it up to date. An icon: `{% icon "phone" %}`. Classes:
  see `static/web/warmline.css`.
- No inline script or style and nothing from elsewhere; the Content-Security-Policy refuses it, and `tests/web/pages.py`
  looks for it. Scripts are files in `static/web/`, and do nothing on a page that lacks what they serve.
"""
