"""The failure drill: the platform as it runs in production, and what is killed in it."""
