SELECT COUNT(DISTINCT h.user_id) AS people,
       COUNT(DISTINCT CASE WHEN h.level = 'free' AND h.valid_to IS NULL THEN h.user_id END) AS free,
       COUNT(DISTINCT CASE WHEN h.level = 'paid' AND h.valid_to IS NULL THEN h.user_id END) AS paid,
       COUNT(DISTINCT CASE WHEN h.level = 'paid' THEN h.user_id END) AS ever_paid,
       COUNT(CASE WHEN h.ended_by = 'upgrade' THEN 1 END) AS upgrades,
       COUNT(CASE WHEN h.ended_by = 'downgrade' THEN 1 END) AS downgrades,
       COUNT(CASE WHEN h.ended_by = 'cancellation' THEN 1 END) AS cancellations,
       COUNT(DISTINCT CASE WHEN h.ended_by = 'cancellation' THEN h.user_id END) AS cancelled
FROM {user_level_history} AS h
