-- KEYS: the jobs. ARGV: the hash of how they stand; id. Returns record and how it stands, or nothing.
local record = redis.call('HGET', KEYS[1], ARGV[2])
return record and { record, redis.call('HGET', ARGV[1], ARGV[2]) } or {}
