"""Pages and toasts; none yet, see CHANGELOG.md."""
