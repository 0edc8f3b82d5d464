"""Tasky beside other systems: scripts/bench. A module of `systems` starts one, of `scenarios` measures some."""
