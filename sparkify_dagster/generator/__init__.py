"""A generator of Sparkify lakes: invented songs and logs in the public sample's exact shape.

The package's face: what other modules may import from it. How a lake is made belongs in the
modules below; nothing here knows about warehouses, Dagster or S3.
"""

from sparkify_dagster.generator.lake import generate_lake
from sparkify_dagster.generator.spec import GeneratedLake, LakeSpec

__all__ = ["GeneratedLake", "LakeSpec", "generate_lake"]
