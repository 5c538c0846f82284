-- KEYS: the jobs. ARGV: the hash of how they stand; id, how it stands, how a job stands for good. Returns whether that
-- is news. What stands before the first comma is the state.
local standing = redis.call('HGET', ARGV[1], ARGV[2])
if not standing or string.find(standing, ARGV[4], 1, true) == 1 then
  return 0
end
if string.match(standing, '^[^,]*') == string.match(ARGV[3], '^[^,]*') then
  return 0
end
redis.call('HSET', ARGV[1], ARGV[2], ARGV[3])
return 1
