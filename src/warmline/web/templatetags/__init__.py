"""The tags of the pages' templates; `{% load warmline %}`."""
