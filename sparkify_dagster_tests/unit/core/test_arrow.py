"""Arrow goes without pandas, and has it where somebody wants a data frame."""

import subprocess
import sys

_CODE = """
import sys
import pyarrow as pa
from sparkify_dagster.core.arrow import leave_pandas_out

leave_pandas_out()
table = pa.table({"rows": pa.array([1, 2])})
assert "pandas" not in sys.modules
assert table.to_pandas()["rows"].sum() == 3
"""


def test_a_list_is_taken_without_pandas_and_a_data_frame_is_given_all_the_same() -> None:
    subprocess.run([sys.executable, "-c", _CODE], check=True)
