"""What every layer may use: AWS logins, errors, texts, masks, progress, counts of requests.

What belongs here: what knows nothing of lake, model, warehouse or Dagster.
"""
