"""What pages show that no single row holds: the overview, charts, timelines, toasts and icons. It changes nothing."""
