-- What confines the code of a session beside its container, as its executor
-- found it; and templates keep an interpreter ready unless they say otherwise.

ALTER TABLE sessions
    ADD COLUMN isolation JSON NULL AFTER failure;

ALTER TABLE templates
    MODIFY prestart JSON NOT NULL DEFAULT '{"python":1,"javascript":1}';

UPDATE templates SET prestart = '{"python":1,"javascript":0}'
    WHERE id IN ('python-basic', 'python-datascience');

UPDATE templates SET prestart = '{"python":0,"javascript":1}'
    WHERE id = 'nodejs-basic';
