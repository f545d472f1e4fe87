"""Plotly figures from arrays."""
