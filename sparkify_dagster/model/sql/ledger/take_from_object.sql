UPDATE {load_objects}
SET row_count = row_count - $row_count, rejects = rejects - $rejects
WHERE target = $target AND object = $object
