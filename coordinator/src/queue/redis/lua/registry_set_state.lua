-- KEYS: the jobs. ARGV: the hash of how they stand; id, how it stands, how a job stands for good. Returns whether it
-- stands so now.
local standing = redis.call('HGET', ARGV[1], ARGV[2])
if not standing or string.find(standing, ARGV[4], 1, true) == 1 then
  return 0
end
redis.call('HSET', ARGV[1], ARGV[2], ARGV[3])
return 1
