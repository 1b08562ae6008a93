-- What an imported spec's author said beside the fields that the factory knows: a JSON object.
ALTER TABLE spec_origins ADD COLUMN further JSON;
