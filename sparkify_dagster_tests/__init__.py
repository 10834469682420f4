"""The tests of `sparkify_dagster`: unit, conformance, properties, integration, browser."""
