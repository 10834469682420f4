"""Sensors: new objects in the lake, alerts, lost runs; beside each, its decisions as functions.

What belongs here: when something is to happen. What happens then is the jobs'.
"""
