-- When a stop of the queue ends by itself, where the server that refused has named the time.
ALTER TABLE holds ADD COLUMN until TIMESTAMP;
