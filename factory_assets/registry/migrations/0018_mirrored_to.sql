-- Where a repo's commit is mirrored: nowhere, folder or github. It follows from the row of mirrors, and stands here too so
-- that what is left to mirror is found without a look at all that is mirrored.
ALTER TABLE repos ADD COLUMN mirrored_to TEXT DEFAULT 'nowhere';
UPDATE repos SET mirrored_to = (
    SELECT CASE WHEN mirrors.url LIKE 'file:%' THEN 'folder' ELSE 'github' END
    FROM mirrors WHERE mirrors.name = repos.name AND mirrors.commit = repos.commit
)
WHERE EXISTS (SELECT 1 FROM mirrors WHERE mirrors.name = repos.name AND mirrors.commit = repos.commit);
