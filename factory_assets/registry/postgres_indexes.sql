-- What PostgreSQL needs to find a date or a repo among many; DuckDB keeps the bounds of each row group by itself.
-- With the state, so that a funnel is counted in the index alone: the papers themselves are a kilobyte each.
CREATE INDEX IF NOT EXISTS raw_items_of_day_and_state ON raw_items (day) INCLUDE (fed_to_claude);
CREATE INDEX IF NOT EXISTS raw_items_unread ON raw_items (day) WHERE NOT fed_to_claude;
CREATE INDEX IF NOT EXISTS build_queue_of_status ON build_queue (status);
CREATE INDEX IF NOT EXISTS build_queue_of_day ON build_queue ((coalesce(day, analysed_day)));
CREATE INDEX IF NOT EXISTS build_queue_of_run ON build_queue (run_id);
CREATE INDEX IF NOT EXISTS repos_by_mirror ON repos (mirrored_to);
CREATE INDEX IF NOT EXISTS answers_of_prompt ON answers (day, prompt_hash);
CREATE INDEX IF NOT EXISTS llm_calls_of_repo ON llm_calls (repo);
CREATE INDEX IF NOT EXISTS llm_calls_of_partition ON llm_calls (partition text_pattern_ops);
CREATE INDEX IF NOT EXISTS llm_calls_of_time ON llm_calls (called_at);
