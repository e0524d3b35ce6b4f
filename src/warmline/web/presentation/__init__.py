"""Prepares what pages show beyond single rows: overview, charts, timelines, toasts and icons. Changes nothing."""
