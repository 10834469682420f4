SELECT o.object, o.part FROM {load_objects} AS o WHERE o.target = $target AND o.object LIKE '%/%'
